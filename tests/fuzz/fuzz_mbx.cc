// Any bytes behind a sound or unsound mbx header: as fuzz_mbox.cc.  A file that begins with a
// message line is given a header, so that the input can be short.
#include "fuzz_mail_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  if (!file.starts_with("*mbx*\r\n")) file = dmail::store::MailFile::new_mbx(7) + file;
  return fuzz_mail_file(reinterpret_cast<const uint8_t*>(file.data()), file.size());
}
