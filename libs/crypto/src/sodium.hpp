// libsodium, started.
#pragma once

#include <sodium.h>

namespace simplex::crypto {

// Call before the first use in every function that is a way in. Thread-safe; throws when the library cannot start.
void need_sodium();

}  // namespace simplex::crypto
