# LIST: reference, wildcards, INBOX in any case, names that need quoting (section 6.3.8).
C: a LIST "" ""
S: * LIST (\Noselect) "/" ""
S: a OK LIST completed
C: b CREATE "two words"
S: b OK CREATE completed
C: c CREATE top/one
S: c OK CREATE completed
C: d CREATE top/two
S: d OK CREATE completed
C: e LIST "" "%"
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (...\HasChildren) "/" top
S: * LIST (\HasNoChildren) "/" "two words"
S: e OK LIST completed
C: f LIST "top/" %
S: * LIST (\HasNoChildren) "/" top/one
S: * LIST (\HasNoChildren) "/" top/two
S: f OK LIST completed
C: g LIST "" inBox
S: * LIST (\HasNoChildren) "/" INBOX
S: g OK LIST completed
C: h LIST "" t*o
S: * LIST (\HasNoChildren) "/" top/two
S: h OK LIST completed
C: i LIST "" %*%*%*%*%*%*%*%*%*%*%*%*%*%*%*%*y
S: i OK LIST completed
C: j LIST "" nothing%
S: j OK LIST completed
C: k LIST "" {3}
S: + Ready for literal data
C: top
S: * LIST (...\HasChildren) "/" top
S: k OK LIST completed
C: l LIST ""
S: l BAD ...
C: m LIST (SUBSCRIBED) "" *
S: m BAD ...
