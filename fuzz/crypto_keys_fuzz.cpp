// rooms: crypto encoding
// Octets of a peer as keys, signatures, boxes and authorizations: nothing may throw, and what is taken must come out
// again as it was.
#include <cstdlib>

#include "simplex/crypto/authenticator.hpp"
#include "simplex/crypto/block_chain.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/pad.hpp"

namespace {

using namespace simplex;
using namespace simplex::crypto;

void require(bool right) {
  if (!right) std::abort();
}

template <class Key>
void public_keys(BytesView input) {
  if (const auto key = from_spki<Key>(input)) require(equal_constant_time(to_spki(*key), input));
  Reader reader(input);
  if (const auto key = read_key<Key>(reader)) {
    Writer writer;
    write_key(writer, *key);
    require(equal_constant_time(writer.view(), input.first(writer.size())));
  }
}

template <class Key>
void private_keys(BytesView input) {
  if (const auto key = from_pkcs8<Key>(input)) {
    const auto encoded = to_pkcs8(*key);
    require(equal_constant_time(encoded.reveal(), input));
    static_cast<void>(public_key(*key));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  public_keys<X25519PublicKey>(input);
  public_keys<X448PublicKey>(input);
  public_keys<AuthPublicKey>(input);
  public_keys<DhPublicKey>(input);
  public_keys<SignaturePublicKey>(input);
  private_keys<AuthPrivateKey>(input);
  private_keys<DhPrivateKey>(input);
  private_keys<SignaturePrivateKey>(input);

  static const auto server_key = *X25519PrivateKey::from(Bytes(32, 0x41));
  const auto nonce = cb_nonce(input);
  if (const auto key = from_spki<AuthPublicKey>(input.first(std::min<std::size_t>(size, 44)))) {
    const auto authorization = input.subspan(44);
    static_cast<void>(verify_authorization(*key, &server_key, nonce, authorization, input));
  }
  if (const auto point = X25519PublicKey::from(input.first(std::min<std::size_t>(size, 32)))) {
    static_cast<void>(dh(*point, server_key));
  }
  if (const auto signature = decode_signature(input)) require(view(*signature).size() == size);

  static const auto box = box_key(*SecretBoxKey::from(Bytes(32, 0x42)));
  require(!open(box, nonce, input));  // a forgery
  Bytes block = to_bytes(input);
  ChainKey chain;
  require(!decrypt_block(chain, block));
  if (const auto message = unpad(input)) {
    require(message->size() + pad_overhead <= size);
    const auto padded = pad(*message, size);
    require(padded && unpad(*padded)->size() == message->size());
  }
  return 0;
}
