// What nwauth load reads, and the facts that dmwho reads.  A dump that is read is one that says the
// same when its users are written again; facts that are read are written the same.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "privsep/session_facts.h"
#include "tools/nwauth/dump.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dmail;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const OwnedFd file(::memfd_create("dump", MFD_CLOEXEC));
  if (::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size)) return 0;
  uint64_t seen = 0;
  const auto count =
      nwauth::read_dump(file.get(), [&](const std::string& user, const nwauth::Record& record) {
        if (user.empty()) std::abort();
        const auto again = nwauth::parse_record(nwauth::serialise(record));
        if (!again || nwauth::serialise(*again) != nwauth::serialise(record)) std::abort();
        ++seen;
        return Status();
      });
  if (count && (*count != seen || !bytes.ends_with('\n'))) std::abort();
  if (!count && count.error().log.empty()) std::abort();

  const auto facts = privsep::parse_facts(bytes);
  if (facts && privsep::parse_facts(privsep::facts_text(*facts)) == std::nullopt) std::abort();
  return 0;
}
