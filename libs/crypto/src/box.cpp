#include "simplex/crypto/box.hpp"

#include <cstring>
#include <stdexcept>

#include "simplex/crypto/pad.hpp"
#include "openssl.hpp"
#include "sodium.hpp"

namespace simplex::crypto {

namespace {

// From this size up OpenSSL's Poly1305, three times as fast as libsodium's, makes good for its setting up.
constexpr std::size_t large = 512;
constexpr std::size_t block_size = 64;
constexpr std::size_t poly_key_size = 32;

using StreamKey = Secret<struct StreamKeyTag, 32>;
using FirstBlock = Secret<struct FirstBlockTag, block_size>;

// XSalsa20 is Salsa20 with a key from the first 16 octets of the nonce, and the other 8 as its nonce. The first 32
// octets of the stream are the key of Poly1305; the message is encrypted with what follows.
struct Stream {
  Stream(const BoxKey& key, const CbNonce& nonce) : counter_nonce(nonce.view().data() + 16) {
    crypto_core_hsalsa20(this->key.reveal_mutable().data(), nonce.view().data(), key.reveal().data(), nullptr);
    crypto_stream_salsa20(first.reveal_mutable().data(), block_size, counter_nonce, this->key.reveal().data());
  }

  [[nodiscard]] BoxTag tag(BytesView ciphertext) const {
    const auto context = openssl::owned(openssl::MacContext(EVP_MAC_CTX_new(openssl::poly1305())), "Poly1305");
    openssl::check(EVP_MAC_init(context.get(), first.reveal().data(), poly_key_size, nullptr), "Poly1305");
    openssl::check(EVP_MAC_update(context.get(), ciphertext.data(), ciphertext.size()), "Poly1305");
    BoxTag made;
    std::size_t size = 0;
    openssl::check(EVP_MAC_final(context.get(), made.mutable_view().data(), &size, BoxTag::size_bytes), "Poly1305");
    return made;
  }

  // `in` may be `out`. At least 32 octets.
  void combine(BytesView in, MutableBytes out) const {
    constexpr std::size_t in_first = block_size - poly_key_size;
    const auto mask = first.reveal().subspan(poly_key_size);
    for (std::size_t i = 0; i < in_first; ++i) out[i] = in[i] ^ mask[i];
    crypto_stream_salsa20_xor_ic(out.data() + in_first, in.data() + in_first, in.size() - in_first, counter_nonce, 1,
                                 key.reveal().data());
  }

  const std::uint8_t* counter_nonce;
  StreamKey key;
  FirstBlock first;
};

void seal_apart(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out, MutableBytes tag) {
  need_sodium();
  if (message.size() < large) {
    std::uint8_t no_place = 0;  // libsodium wants an address, even of nothing
    crypto_secretbox_detached(out.empty() ? &no_place : out.data(), tag.data(), message.data(), message.size(),
                              nonce.view().data(), key.reveal().data());
    return;
  }
  const Stream stream(key, nonce);
  stream.combine(message, out);
  const auto made = stream.tag(out);
  std::copy(made.view().begin(), made.view().end(), tag.begin());
}

Result<> open_apart(const BoxKey& key, const CbNonce& nonce, BytesView ciphertext, BytesView tag, MutableBytes out) {
  need_sodium();
  bool right = false;
  if (ciphertext.size() < large) {
    constexpr std::uint8_t nothing = 0;
    right = crypto_secretbox_open_detached(out.data(), ciphertext.empty() ? &nothing : ciphertext.data(), tag.data(),
                                           ciphertext.size(), nonce.view().data(), key.reveal().data()) == 0;
  } else {
    const Stream stream(key, nonce);
    right = equal_constant_time(stream.tag(ciphertext).view(), tag);
    if (right) stream.combine(ciphertext, out);
  }
  if (!right) return fail(ErrorKind::authentication, "an encrypted message is damaged, or was made with another key");
  return {};
}

void need_size(std::size_t size, std::size_t expected) {
  if (size != expected) throw std::invalid_argument("box: memory of a wrong size");
}

template <class Input>
BoxKey derive(const Input& input) {
  need_sodium();
  constexpr std::array<std::uint8_t, 16> zeros{};
  BoxKey made;
  crypto_core_hsalsa20(made.reveal_mutable().data(), zeros.data(), input.reveal().data(), nullptr);
  return made;
}

Result<> need_tag(BytesView sealed) {
  if (sealed.size() < box_tag_size) return fail(ErrorKind::authentication, "an encrypted message is cut short");
  return {};
}

}  // namespace

BoxKey box_key(const X25519Secret& agreed) { return derive(agreed); }
BoxKey box_key(const SecretBoxKey& key) { return derive(key); }

Result<BoxKey> box_key(const X25519PublicKey& theirs, const X25519PrivateKey& ours) {
  SIMPLEX_ASSIGN(const auto agreed, dh(theirs, ours));
  return derive(agreed);
}

SecretBoxKey random_secret_box_key(Random& random) {
  SecretBoxKey made;
  random.fill(made.reveal_mutable());
  return made;
}

void seal_into(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out) {
  need_size(out.size(), message.size() + box_tag_size);
  seal_apart(key, nonce, message, out.subspan(box_tag_size), out.first(box_tag_size));
}

Result<> seal_padded_into(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out) {
  if (out.size() < box_tag_size) return fail(ErrorKind::limit, "no room for an encrypted message");
  const auto padded = out.subspan(box_tag_size);
  SIMPLEX_TRY(pad_into(message, padded));
  seal_apart(key, nonce, padded, padded, out.first(box_tag_size));
  return {};
}

BoxTag seal_detached(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out) {
  need_size(out.size(), message.size());
  BoxTag tag;
  seal_apart(key, nonce, message, out, tag.mutable_view());
  return tag;
}

Bytes seal(const BoxKey& key, const CbNonce& nonce, BytesView message) {
  Bytes out(message.size() + box_tag_size);
  seal_into(key, nonce, message, out);
  return out;
}

Result<Bytes> seal_padded(const BoxKey& key, const CbNonce& nonce, BytesView message, std::size_t padded_size) {
  // Asked before memory is taken: the size may be nonsense.
  if (!fits_padded(message.size(), padded_size)) {
    return fail(ErrorKind::limit, "a message does not fit the padded size of its encryption");
  }
  Bytes out(padded_size + box_tag_size);
  SIMPLEX_TRY(seal_padded_into(key, nonce, message, out));
  return out;
}

Result<MutableBytes> open_in_place(const BoxKey& key, const CbNonce& nonce, MutableBytes sealed) {
  SIMPLEX_TRY(need_tag(sealed));
  const auto inside = sealed.subspan(box_tag_size);
  SIMPLEX_TRY(open_apart(key, nonce, inside, sealed.first(box_tag_size), inside));
  return inside;
}

Result<MutableBytes> open_padded_in_place(const BoxKey& key, const CbNonce& nonce, MutableBytes sealed) {
  SIMPLEX_ASSIGN(const auto padded, open_in_place(key, nonce, sealed));
  SIMPLEX_ASSIGN(const auto message, unpad(padded));
  return padded.subspan(pad_overhead, message.size());
}

Result<> open_detached(const BoxKey& key, const CbNonce& nonce, BytesView ciphertext, const BoxTag& tag,
                       MutableBytes out) {
  need_size(out.size(), ciphertext.size());
  return open_apart(key, nonce, ciphertext, tag.view(), out);
}

Result<Bytes> open(const BoxKey& key, const CbNonce& nonce, BytesView sealed) {
  SIMPLEX_TRY(need_tag(sealed));
  Bytes out(sealed.size() - box_tag_size);
  SIMPLEX_TRY(open_apart(key, nonce, sealed.subspan(box_tag_size), sealed.first(box_tag_size), out));
  return out;
}

Result<Bytes> open_padded(const BoxKey& key, const CbNonce& nonce, BytesView sealed) {
  SIMPLEX_ASSIGN(const auto padded, open(key, nonce, sealed));
  SIMPLEX_ASSIGN(const auto message, unpad(padded));
  return to_bytes(message);
}

}  // namespace simplex::crypto
