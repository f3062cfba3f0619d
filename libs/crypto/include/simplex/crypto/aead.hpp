// AES-256-GCM with the tag apart: 16-byte IV, as the double ratchet uses it (the general rule of NIST SP 800-38D), and
// 12-byte IV, as WebRTC frames use it.
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::crypto {

using AesKey = Secret<struct AesKeyTag, 32>;
using AesIv16 = FixedBytes<struct AesIv16Tag, 16>;
using AesIv12 = FixedBytes<struct AesIv12Tag, 12>;
using AesTag = FixedBytes<struct AesTagTag, 16>;

struct AeadSealed {
  AesTag tag;
  Bytes ciphertext;
};

// Pads the message to padded_size (see pad.hpp), then encrypts; too long a message is over the limit.
[[nodiscard]] Result<AeadSealed> aead_seal_padded(const AesKey& key, const AesIv16& iv, BytesView associated,
                                                  BytesView message, std::size_t padded_size);
// The message without its padding. A wrong tag is an authentication error; wrong padding inside is malformed.
[[nodiscard]] Result<Bytes> aead_open_padded(const AesKey& key, const AesIv16& iv, BytesView associated,
                                             BytesView ciphertext, const AesTag& tag);

[[nodiscard]] AeadSealed aead_seal(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView message);
[[nodiscard]] AeadSealed aead_seal(const AesKey& key, const AesIv12& iv, BytesView associated, BytesView message);
[[nodiscard]] Result<Bytes> aead_open(const AesKey& key, const AesIv16& iv, BytesView associated, BytesView ciphertext,
                                      const AesTag& tag);
[[nodiscard]] Result<Bytes> aead_open(const AesKey& key, const AesIv12& iv, BytesView associated, BytesView ciphertext,
                                      const AesTag& tag);

}  // namespace simplex::crypto
