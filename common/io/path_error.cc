#include "io/path_error.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/text.h"

namespace dmail {
namespace {

// The outermost directory of `path` that cannot be passed, or the last one.
std::string refusing_directory(const std::string& path) {
  size_t slash = path.find('/', 1);
  for (; slash != std::string::npos; slash = path.find('/', slash + 1))
    if (const std::string directory = path.substr(0, slash); ::access(directory.c_str(), X_OK) != 0)
      return directory;
  slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Error path_error(const char* what, const std::string& path, int error) {
  Error out = system_error(concat(what, ' ', escaped(path)), error);
  struct stat st {};
  if ((error != EACCES && error != EPERM && error != EROFS) || !path.starts_with('/')) return out;
  const std::string directory = refusing_directory(path);
  if (::stat(directory.c_str(), &st) != 0) return out;
  std::string mode;
  for (const int shift : {9, 6, 3, 0}) mode += static_cast<char>('0' + ((st.st_mode >> shift) & 7));
  out.log += concat(" (uid ", ::geteuid(), "; ", escaped(directory), " is ", st.st_uid, ':',
                    st.st_gid, ", mode ", mode, ')');
  return out;
}

}  // namespace dmail
