// Any bytes as an mbox file: scanning ends, records stay inside the file, every text can be read to
// the octet, scanning in two parts finds the same, and a rewrite leaves every text as it was.

#include "fuzz_mail_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5 || std::string_view(reinterpret_cast<const char*>(data), 5) != "From ") return 0;
  return fuzz_mail_file(data, size);
}
