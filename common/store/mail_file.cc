#include "store/mail_file.h"

#include "base/text.h"
#include "io/file.h"
#include "store/mbox_file.h"
#include "store/mbx_file.h"

namespace dmail::store {

Result<std::unique_ptr<MailFile>> MailFile::open(int fd, const std::string& journal,
                                                 bool empty_is_mbox) {
  char start[kMbxMagic.size()];
  auto n = read_at(fd, start, 0);
  if (!n) return std::move(n.error());
  const std::string_view bytes(start, *n);
  if (bytes == kMbxMagic || (bytes.empty() && !empty_is_mbox))
    return std::unique_ptr<MailFile>(std::make_unique<MbxFile>(fd, journal));
  // A first part of "From ", and zeros, are what a crash can leave of a first delivery.
  if (bytes.starts_with(kFromStart) || kFromStart.starts_with(bytes) ||
      bytes.find_first_not_of('\0') == bytes.npos)
    return std::unique_ptr<MailFile>(std::make_unique<MboxFile>(fd, journal));
  return Error{ErrorKind::Corrupt, "The mailbox is neither mbox nor mbx",
               concat("file begins with \"", escaped(bytes), "\"")};
}

std::string MailFile::new_mbx(uint32_t uid_validity) {
  MbxHeader header;
  header.uid_validity = uid_validity;
  return format_mbx_header(header, {});
}

}  // namespace dmail::store
