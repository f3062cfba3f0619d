// HKDF with SHA-512 (RFC 5869).
#pragma once

#include <string_view>

#include "simplex/base/secret.hpp"

namespace simplex::crypto {

// An empty salt is 64 zeros. size: up to 16,320 octets (else std::length_error).
[[nodiscard]] SecretBytes hkdf_sha512(BytesView salt, BytesView key_material, std::string_view info, std::size_t size);
// The same into memory of the caller, all of it.
void hkdf_sha512_into(BytesView salt, BytesView key_material, std::string_view info, MutableBytes out);

}  // namespace simplex::crypto
