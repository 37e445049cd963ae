# Folders of the setting create_folders are there, and subscribed, after login.
SETTING create_folders Sent Drafts Trash
C: a LSUB "" *
S: * LSUB () "/" $one
S: * LSUB () "/" $two
S: * LSUB () "/" $three
S: a OK LSUB completed
C: b STATUS Sent (MESSAGES)
S: * STATUS Sent (MESSAGES 0)
S: b OK STATUS completed
C: c LIST "" %
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (\HasNoChildren) "/" Drafts
S: * LIST (\HasNoChildren) "/" Sent
S: * LIST (\HasNoChildren) "/" Trash
S: c OK LIST completed
