// Sessions as text for people, CSV and JSON.
#pragma once

#include <string>
#include <vector>

#include "tools/dmwho/sessions.h"

namespace dmail::dmwho {

enum class Form { Text, Csv, Json };
std::string table(const std::vector<Session>& sessions, Form form);

}  // namespace dmail::dmwho
