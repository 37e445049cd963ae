// Whether this build carries a sanitizer, whose run time a tight jail would break.
#pragma once

namespace dmail::privsep {

#ifdef DMAIL_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace dmail::privsep
