// For programs through which passwords go and which live on after: every block of C++'s heap is
// overwritten when it is given back, whoever held it (strings that grew, copies nobody thought of).
// In no archive: a program that wants it names this file among its sources.  C libraries' own
// blocks are not covered.
#include <malloc.h>
#include <string.h>

#include <cstdlib>
#include <new>

void* operator new(size_t size) {
  if (void* block = std::malloc(size != 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void* operator new[](size_t size) { return ::operator new(size); }

void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  ::explicit_bzero(block, ::malloc_usable_size(block));
  std::free(block);
}
void operator delete[](void* block) noexcept { ::operator delete(block); }
void operator delete(void* block, size_t) noexcept { ::operator delete(block); }
void operator delete[](void* block, size_t) noexcept { ::operator delete(block); }
