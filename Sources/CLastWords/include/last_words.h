/// The last words of a program that finds no memory: one line and exit code 1, where a library or a language's runtime
/// would end the program with a trace, or go on without what it asked for.
///
/// Where the C library is glibc, and no sanitizer has functions of its own, this target stands in for malloc and its like
/// in the whole program. They do what the C library's do until last_words_prepare is called; from then on a request that
/// is not granted ends the program. Only what exceeds all memory of the machine is refused by NULL: such a number is
/// taken from a damaged file, and who asked says so.
#ifndef LAST_WORDS_H
#define LAST_WORDS_H

#include <stdbool.h>

/// Sets the line, which is copied and cut to 500 bytes, and what is called before the program ends, which must be
/// async-signal-safe. Where the address space is limited, crashes for want of it end the program in the same way, and all
/// threads share one heap.
/// To be called before other threads start.
void last_words_prepare(const char *line, void (*clean_up)(void));

/// Whether hardly any address space is left. Async-signal-safe.
bool last_words_are_due(void);

/// Writes the line to standard error and ends the program with exit code 1. Async-signal-safe.
_Noreturn void last_words_end(void);

#endif
