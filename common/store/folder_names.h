// Mailbox names and the file names that follow from them.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmail::store {

inline constexpr size_t kMaxNamePart = 200;
inline constexpr size_t kMaxName = 1000;
inline constexpr size_t kMaxLevels = 20;

// A part that may stand between slashes: not empty, hidden, a lock file or unprintable.
bool valid_name_part(std::string_view part);
// Name of the index of a mailbox, without ending: `/` and `%` as %2F and %25; what would be too
// long for a file name ends in a hash.
std::string index_file_name(std::string_view mailbox);

// Names below `.` in a folder directory.
inline constexpr const char* kOwnMail = ".mbx";     // a directory's own messages
inline constexpr const char* kConverting = ".to.";  // + NAME: the directory that is to replace NAME
inline constexpr const char* kIndexDirectory = ".index";
inline constexpr const char* kSubscriptions = ".mailboxlist";
// In kIndexDirectory: the lock of the tree; nanosecond of its time while a folder takes its place.
inline constexpr const char* kLockFile = "lock";
inline constexpr long kMoving = 1000;  // not less than a file system counts in

}  // namespace dmail::store
