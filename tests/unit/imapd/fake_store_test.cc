// The fake is compiled here for the unit tests; tests/fuzz/fuzz_imap.cc includes it likewise.
#include "tests/unit/imapd/fake_store.cc"
