// Flag lists as clients send them (STORE, APPEND).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imapd/parser.h"

namespace dmail::imapd {

struct FlagArguments {
  uint32_t flags = 0;                 // store::kSeen ...
  std::vector<std::string> keywords;  // as written, without doubles
};

// flag-list = "(" [flag *(SP flag)] ")"
FlagArguments expect_flag_list(Parser& parser);
// flag-list / (flag *(SP flag))
FlagArguments expect_store_flags(Parser& parser);

}  // namespace dmail::imapd
