// Kinds of mailboxes and processes for the driver suite.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "../unit/store/store_fixture.h"

namespace dmail::store {

struct Kind {
  const char* label;
  const char* mailbox;
  bool mbox_folder;
  bool shared_spool;
};

// All of them, or those whose label DMAIL_DRIVER names a part of.
inline std::vector<Kind> kinds() {
  std::vector<Kind> out;
  const char* only = std::getenv("DMAIL_DRIVER");
  for (const Kind& kind :
       {Kind{"drop file", "INBOX", false, false}, Kind{"mbx folder", "Work", false, false},
        Kind{"mbox folder", "Old", true, false},
        Kind{"shared spool, drop file", "INBOX", false, true},
        Kind{"shared spool, mbx folder", "Work", false, true}})
    if (only == nullptr || std::string_view(kind.label).find(only) != std::string_view::npos)
      out.push_back(kind);
  return out;
}

struct DriverFixture : StoreFixture {
  explicit DriverFixture(const Kind& kind) : kind_(kind) {
    config.shared_spool = kind.shared_spool;
    auto store = open();
    if (kind.mbox_folder)
      std::ofstream(config.folders + "/" + kind.mailbox).flush();  // an empty file is mbox
    else if (std::string(kind.mailbox) != "INBOX")
      must(store->create(kind.mailbox));
  }
  [[nodiscard]] std::string mail_file() const {
    return std::string(kind_.mailbox) == "INBOX" ? config.drop_file
                                                 : config.folders + "/" + kind_.mailbox;
  }
  [[nodiscard]] std::string index_file() const {
    return config.folders + "/.index/" + kind_.mailbox + ".idx";
  }
  Kind kind_;
};

// What a mailbox holds, by UID.
inline std::map<uint32_t, std::string> contents(Mailbox& box) {
  std::map<uint32_t, std::string> out;
  for (uint32_t n = 1; n <= box.count(); ++n) {
    const MessageInfo info = box.info(n);
    std::set<std::string> words;  // their order is the index's affair
    for (size_t k = 0; k < box.keyword_names().size(); ++k)
      if (info.keywords >> k & 1) words.insert(box.keyword_names()[k]);
    std::string state = std::to_string(info.flags);
    for (const std::string& word : words) state += " " + word;
    out[info.uid] = state + "|" + text_of(box, n);
  }
  return out;
}

// Runs `work` in a process of its own; its exit code says how it went.
inline pid_t process(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  return pid;
}

inline int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline std::string numbered(int who, int number) {
  return "From: p" + std::to_string(who) + "@example.com\r\nSubject: m" + std::to_string(number) +
         "\r\n\r\nFrom here on\r\n>From there\r\n" +
         std::string(static_cast<size_t>(number * 37 % 900), 'y') + "\r\n";
}

inline bool try_put(Store& store, const char* mailbox, const std::string& text) {
  auto appender = store.append(mailbox);
  if (!appender || !(*appender)->begin({}) || !(*appender)->write(text) || !(*appender)->end())
    return false;
  return (*appender)->commit().ok();
}

}  // namespace dmail::store
