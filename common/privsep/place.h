// Putting descriptors where a new program expects them; used between fork and exec (no allocation).
#pragma once

namespace dmail::privsep {

inline constexpr int kPlaces = 12;  // descriptors 0 .. kPlaces - 1

// `source[i]` becomes descriptor i; where it is -1, i is closed.  `keep` (closed by the next exec)
// becomes descriptor kPlaces.  All others close at the exec.  Sources may overlap places.
bool place_descriptors(const int (&source)[kPlaces], int keep);

}  // namespace dmail::privsep
