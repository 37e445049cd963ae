// Overwriting what functions that have returned left on the stack: copies of secrets that nobody
// holds any more (short strings live there).
#pragma once

namespace dmail {

// The next 64 KiB, the most of them by giving the memory back.  Where the stack is smaller than
// that, it is not to be called.
void wipe_stack();

}  // namespace dmail
