// A mail file in a directory of its own, and messages to put in, for the tests of mail file
// formats.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "io/file.h"
#include "store/mail_file.h"

namespace dmail::store {

// Gives a text in pieces of `piece` octets.
class StringSource : public TextSource {
 public:
  explicit StringSource(std::string text, size_t piece = 1 << 20)
      : text_(std::move(text)), piece_(piece) {}
  [[nodiscard]] uint64_t size() const override { return text_.size(); }
  Result<std::string_view> next() override {
    const std::string_view v = std::string_view(text_).substr(at_, piece_);
    at_ += v.size();
    return v;
  }

 private:
  std::string text_;
  size_t piece_, at_ = 0;
};

class FailingSource : public TextSource {
 public:
  [[nodiscard]] uint64_t size() const override { return 10; }
  Result<std::string_view> next() override { return Error{ErrorKind::Io, "failed", "test"}; }
};

struct MailDir {
  std::string dir, path, journal;
  OwnedFd fd;
  std::unique_ptr<MailFile> file;
  KeywordTable keywords;
  FileHeader header;
  std::vector<Record> records;
  uint64_t end = 0;

  explicit MailDir(const std::string& bytes = "", bool empty_is_mbox = true) {
    // In memory where that is possible: these tests sync thousands of times.
    std::string name =
        ::access("/dev/shm", W_OK) == 0 ? "/dev/shm/dmail-unit-XXXXXX" : "/tmp/dmail-unit-XXXXXX";
    dir = ::mkdtemp(name.data());
    path = dir + "/mail";
    journal = dir + "/journal";
    fd = std::move(*open_file(path, O_RDWR | O_CREAT, 0600));
    put(bytes);
    open(empty_is_mbox);
  }
  ~MailDir() { std::filesystem::remove_all(dir); }
  MailDir(const MailDir&) = delete;
  MailDir& operator=(const MailDir&) = delete;

  void put(const std::string& bytes) {
    REQUIRE(truncate_to(fd.get(), 0));
    REQUIRE(write_at(fd.get(), bytes, 0));
  }
  void add(const std::string& bytes) { REQUIRE(write_at(fd.get(), bytes, size())); }
  [[nodiscard]] uint64_t size() const { return static_cast<uint64_t>(stat_fd(fd.get())->st_size); }
  [[nodiscard]] std::string bytes() const { return *read_file(path, 1 << 30); }
  void open(bool empty_is_mbox = true) {
    auto f = MailFile::open(fd.get(), journal, empty_is_mbox);
    if (f) file = std::move(*f);
  }
  // Reads everything anew, as after a restart with no index.
  Status load() {
    records.clear();
    keywords.clear();
    open();
    if (file->needs_recovery()) DMAIL_TRY(file->recover());
    auto h = file->read_header(keywords);
    if (!h) return h.error();
    header = *h;
    auto e = file->scan(0, keywords, [this](const Record& r) { records.push_back(r); });
    if (!e) return e.error();
    end = *e;
    return {};
  }
  Status append(const std::vector<std::string>& texts, uint32_t flags = 0, uint64_t kw = 0) {
    std::vector<StringSource> sources;
    std::vector<NewMessage> messages(texts.size());
    for (const auto& t : texts) sources.emplace_back(t, 7);
    for (size_t i = 0; i < texts.size(); ++i) {
      messages[i].text = &sources[i];
      messages[i].uid = ++header.last_uid;
      messages[i].flags = flags;
      messages[i].keywords = kw;
      messages[i].internal_date = 1234567890;
      messages[i].zone_minutes = 120;
      messages[i].envelope_sender = "ann@example.org";
    }
    DMAIL_TRY(file->append(end, messages, keywords, header, records));
    end = size();
    return {};
  }
  [[nodiscard]] std::string text(const Record& r) const {
    TextReader reader(fd.get(), r);
    std::string all;
    for (;;) {
      auto piece = reader.next();
      REQUIRE(piece.ok());
      if (piece->empty()) break;
      all.append(*piece);
    }
    CHECK(all.size() == r.size);
    return all;
  }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Record& r : records) all.push_back(text(r));
    return all;
  }
};

}  // namespace dmail::store
