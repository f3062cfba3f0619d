// crypto.json: the primitives. The KEM's cases of this file are in the KEM's own driver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <map>

#include "simplex/crypto/aead.hpp"
#include "simplex/crypto/authenticator.hpp"
#include "simplex/crypto/block_chain.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/hkdf.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/pad.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

using testing::Case;
using testing::pattern;
using testing::run_vectors;
using testing::unhex;

constexpr auto file = "crypto.json";

template <class T>
T from(const Case& c, std::string_view field) {
  auto made = T::from(c.bytes(field));
  if (!made) throw std::runtime_error("vector case: wrong size of " + std::string(field));
  return std::move(*made);
}

Bytes copy(BytesView bytes) { return to_bytes(bytes); }

// Every form of a key pair in a case, all ways.
template <class Public, class Private>
KeyPair<Public, Private> key_pair(const Case& keys) {
  auto made = pair_of(from<Private>(keys, "priv_raw"));
  EXPECT_EQ(copy(made.public_key.view()), keys.bytes("pub_raw"));
  EXPECT_EQ(to_spki(made.public_key), keys.bytes("pub_spki"));
  EXPECT_EQ(copy(to_pkcs8(made.private_key).reveal()), keys.bytes("priv_pkcs8"));
  const auto decoded_public = from_spki<Public>(keys.bytes("pub_spki"));
  const auto decoded_private = from_pkcs8<Private>(keys.bytes("priv_pkcs8"));
  EXPECT_TRUE(decoded_public && *decoded_public == made.public_key);
  EXPECT_TRUE(decoded_private && *decoded_private == made.private_key);
  return made;
}

X25519KeyPair x25519(const Case& c, std::string_view field) {
  return key_pair<X25519PublicKey, X25519PrivateKey>(c.object(field));
}

template <class Public, class Private>
void agreement(const Case& c) {
  const auto a = key_pair<Public, Private>(c.object("a"));
  const auto b = key_pair<Public, Private>(c.object("b"));
  const auto ab = dh(b.public_key, a.private_key);
  const auto ba = dh(a.public_key, b.private_key);
  ASSERT_TRUE(ab);
  ASSERT_TRUE(ba);
  EXPECT_EQ(copy(ab->reveal()), c.bytes("shared"));
  EXPECT_EQ(*ab == *ba, c.boolean("same_both_ways"));
}

TEST(CryptoVectors, X25519) { run_vectors(file, "dh_x25519", 4, agreement<X25519PublicKey, X25519PrivateKey>); }
TEST(CryptoVectors, X448) { run_vectors(file, "dh_x448", 4, agreement<X448PublicKey, X448PrivateKey>); }

TEST(CryptoVectors, Pad) {
  run_vectors(file, "pad", 13, [](const Case& c) {
    const bool long_message = !c.has("msg");
    const Bytes message = long_message ? pattern(static_cast<std::size_t>(c.number("msg_len"))) : c.bytes("msg");
    if (long_message) {
      EXPECT_EQ(copy(sha256(message).view()), c.bytes("msg_sha256"));
    }
    const auto padded = pad(message, static_cast<std::size_t>(c.number("padded_len")));
    if (c.has("error")) {
      ASSERT_FALSE(padded);
      EXPECT_EQ(padded.error().kind, ErrorKind::limit);
      return;
    }
    ASSERT_TRUE(padded);
    EXPECT_EQ(padded->size(), static_cast<std::size_t>(c.number("padded_len")));
    if (long_message) {
      EXPECT_EQ(copy(BytesView(*padded).first(64)), c.bytes("padded_first_64"));
      EXPECT_EQ(copy(BytesView(*padded).last(32)), c.bytes("padded_last_32"));
      EXPECT_EQ(copy(sha256(*padded).view()), c.bytes("padded_sha256"));
    } else {
      EXPECT_EQ(*padded, c.bytes("padded"));
    }
    const auto back = unpad(*padded);
    ASSERT_TRUE(back);
    EXPECT_EQ(copy(*back), message);
  });
}

TEST(CryptoVectors, Unpad) {
  run_vectors(file, "unpad", 9, [](const Case& c) {
    const auto padded = c.bytes("padded");
    const auto message = unpad(padded);
    ASSERT_EQ(message.has_value(), !c.has("error"));
    if (message) {
      EXPECT_EQ(copy(*message), c.bytes("msg"));
    } else {
      EXPECT_EQ(message.error().kind, ErrorKind::malformed);
    }
  });
}

// All forms of opening agree; returns what they say.
Result<Bytes> open_all_ways(const BoxKey& key, const CbNonce& nonce, const Bytes& sealed, bool padded) {
  const auto opened = padded ? open_padded(key, nonce, sealed) : open(key, nonce, sealed);
  Bytes memory = sealed;
  const auto in_place = padded ? open_padded_in_place(key, nonce, memory) : open_in_place(key, nonce, memory);
  EXPECT_EQ(opened.has_value(), in_place.has_value());
  if (opened && in_place) {
    EXPECT_EQ(*opened, copy(*in_place));
  }
  return opened;
}

TEST(CryptoVectors, BoxPadded) {
  run_vectors(file, "cb_encrypt_padded", 7, [](const Case& c) {
    const auto a = x25519(c, "a");
    const auto b = x25519(c, "b");
    const auto key = box_key(from<X25519Secret>(c, "dh_secret"));
    const auto agreed = box_key(b.public_key, a.private_key);
    ASSERT_TRUE(agreed);
    EXPECT_TRUE(*agreed == key);
    const auto nonce = from<CbNonce>(c, "nonce");
    const auto sealed = seal_padded(key, nonce, c.bytes("msg"), static_cast<std::size_t>(c.number("padded_len")));
    if (c.has("error")) {
      ASSERT_FALSE(sealed);
      EXPECT_EQ(sealed.error().kind, ErrorKind::limit);
      return;
    }
    ASSERT_TRUE(sealed);
    EXPECT_EQ(*sealed, c.bytes("ciphertext"));
    const auto opened = open_all_ways(key, nonce, *sealed, true);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, c.bytes("decrypted"));
    EXPECT_EQ(*opened, c.bytes("msg"));
  });
}

TEST(CryptoVectors, BoxNotPadded) {
  run_vectors(file, "cb_encrypt_nopad", 8, [](const Case& c) {
    const auto key = box_key(from<X25519Secret>(c, "dh_secret"));
    const auto nonce = from<CbNonce>(c, "nonce");
    EXPECT_EQ(seal(key, nonce, c.bytes("msg")), c.bytes("ciphertext"));
    const auto opened = open_all_ways(key, nonce, c.bytes("ciphertext"), false);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, c.bytes("msg"));
  });
}

void open_box(const Case& c, bool padded) {
  const auto key = box_key(from<X25519Secret>(c, "dh_secret"));
  const auto opened = open_all_ways(key, from<CbNonce>(c, "nonce"), c.bytes("ciphertext"), padded);
  ASSERT_EQ(opened.has_value(), !c.has("error"));
  if (opened) {
    EXPECT_EQ(*opened, c.bytes("msg"));
  } else {
    EXPECT_EQ(opened.error().kind, c.text("error").find("CBDecryptError") != std::string::npos
                                       ? ErrorKind::authentication
                                       : ErrorKind::malformed);
  }
}

TEST(CryptoVectors, OpenBox) {
  run_vectors(file, "cb_decrypt_nopad", 6, [](const Case& c) { open_box(c, false); });
}
TEST(CryptoVectors, OpenBoxPadded) {
  run_vectors(file, "cb_decrypt_padded", 4, [](const Case& c) { open_box(c, true); });
}

TEST(CryptoVectors, Nonce) {
  run_vectors(file, "cb_nonce", 4, [](const Case& c) {
    const auto nonce = cb_nonce(c.bytes("input"));
    EXPECT_EQ(copy(nonce.view()), c.bytes("nonce"));
    EXPECT_EQ(copy(reversed(nonce).view()), c.bytes("reversed"));
  });
}

TEST(CryptoVectors, SecretBox) {
  run_vectors(file, "sb_encrypt_padded", 5, [](const Case& c) {
    const auto key = box_key(from<SecretBoxKey>(c, "key"));
    const auto nonce = from<CbNonce>(c, "nonce");
    EXPECT_EQ(seal(key, nonce, c.bytes("msg")), c.bytes("ciphertext_nopad"));
    const auto sealed = seal_padded(key, nonce, c.bytes("msg"), static_cast<std::size_t>(c.number("padded_len")));
    ASSERT_EQ(sealed.has_value(), !c.has("error"));
    if (!sealed) return;
    EXPECT_EQ(*sealed, c.bytes("ciphertext"));
    const auto opened = open_all_ways(key, nonce, *sealed, true);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, c.bytes("msg"));
  });
}

TEST(CryptoVectors, SecretBoxKey) {
  run_vectors(file, "sb_key", 3, [](const Case& c) {
    const auto key = SecretBoxKey::from(c.bytes("input"));
    ASSERT_EQ(key.has_value(), !c.has("error"));
    if (key) {
      EXPECT_EQ(copy(key->reveal()), c.bytes("key"));
    }
  });
}

TEST(CryptoVectors, Authenticator) {
  run_vectors(file, "cb_authenticator", 4, [](const Case& c) {
    const auto client = x25519(c, "client");
    const auto server = x25519(c, "server");
    const auto nonce = from<CbNonce>(c, "nonce");
    const Bytes message =
        c.has("msg") ? c.bytes("msg") : pattern(static_cast<std::size_t>(c.number("msg_pattern_len")));
    EXPECT_EQ(copy(sha512(message).view()), c.bytes("sha512"));
    const auto made = authorize(client.private_key.clone(), server.public_key, nonce, message);
    ASSERT_TRUE(made);
    EXPECT_EQ(*made, c.bytes("authenticator"));
    EXPECT_EQ(verify_authorization(client.public_key, &server.private_key, nonce, *made, message),
              c.boolean("server_verifies"));
    Bytes other = message;
    other.push_back('x');
    EXPECT_EQ(verify_authorization(client.public_key, &server.private_key, nonce, *made, other),
              c.boolean("server_verifies_other_msg"));
    EXPECT_FALSE(verify_authorization(server.public_key, &server.private_key, nonce, *made, message));
    EXPECT_FALSE(verify_authorization(client.public_key, nullptr, nonce, *made, message));
  });
}

void follow_chain(ChainKey chain, const boost::json::array& steps, const boost::json::array* keys_after) {
  auto sending = chain.clone();
  auto receiving = chain.clone();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Case one(steps[i].as_object());
    const auto step = advance(chain);
    EXPECT_EQ(copy(step.key.reveal()), one.bytes("key"));
    EXPECT_EQ(copy(step.nonce.view()), one.bytes("nonce"));
    if (keys_after != nullptr) {
      EXPECT_EQ(copy(chain.reveal()), unhex(std::string_view(keys_after->at(i).as_string())));
    }
    Bytes block(64 + box_tag_size);
    ASSERT_TRUE(encrypt_block(sending, one.bytes("block_plain"), block));
    EXPECT_EQ(block, one.bytes("block_padded_len_64"));
    EXPECT_TRUE(sending == chain);
    const auto content = decrypt_block(receiving, block);
    ASSERT_TRUE(content);
    EXPECT_EQ(copy(*content), one.bytes("block_plain"));
    EXPECT_TRUE(receiving == chain);
  }
}

TEST(CryptoVectors, BlockChain) {
  run_vectors(file, "sb_chain", 3, [](const Case& c) {
    const auto client = x25519(c, "client");
    const auto server = x25519(c, "server");
    const auto agreed = dh(server.public_key, client.private_key);
    ASSERT_TRUE(agreed);
    EXPECT_EQ(copy(agreed->reveal()), c.bytes("dh_secret"));
    auto chains = init_chains(*agreed, c.bytes("session_id_as_salt"));
    EXPECT_EQ(copy(chains.first.reveal()), c.bytes("chain_key_1"));
    EXPECT_EQ(copy(chains.second.reveal()), c.bytes("chain_key_2"));
    follow_chain(std::move(chains.first), c.array("chain_1"), &c.array("chain_1_after_each_step"));
    follow_chain(std::move(chains.second), c.array("chain_2"), nullptr);
  });
}

TEST(CryptoVectors, Hkdf) {
  run_vectors(file, "hkdf_sha512", 9, [](const Case& c) {
    const auto made =
        hkdf_sha512(c.bytes("salt"), c.bytes("ikm"), c.text("info"), static_cast<std::size_t>(c.number("length")));
    EXPECT_EQ(copy(made.reveal()), c.bytes("okm"));
  });
}

TEST(CryptoVectors, Hash) {
  run_vectors(file, "hash", 4, [](const Case& c) {
    const auto message = c.bytes("msg");
    EXPECT_EQ(copy(sha256(message).view()), c.bytes("sha256"));
    EXPECT_EQ(copy(sha512(message).view()), c.bytes("sha512"));
    EXPECT_EQ(copy(sha3_256(message).view()), c.bytes("sha3_256"));
    EXPECT_EQ(copy(sha3_384(message).view()), c.bytes("sha3_384"));
    const auto first = BytesView(message).first(message.size() / 3);
    const auto rest = BytesView(message).subspan(message.size() / 3);
    EXPECT_EQ(sha256({first, rest}), sha256(message));
    EXPECT_EQ(sha512({first, rest}), sha512(message));
    EXPECT_EQ(sha3_256({first, rest}), sha3_256(message));
  });
}

template <class Public, class Private>
void signature(const Case& c) {
  const auto key = key_pair<Public, Private>(c.object("key"));
  const auto message = c.bytes("msg");
  const auto made = sign(key.private_key, message);
  EXPECT_EQ(copy(made.view()), c.bytes("signature"));
  EXPECT_EQ(verify(key.public_key, made, message), c.boolean("verifies"));
  auto other = message;
  other.push_back(0);
  EXPECT_FALSE(verify(key.public_key, made, other));
  auto wrong = made;
  wrong.mutable_view()[0] ^= 1;
  EXPECT_FALSE(verify(key.public_key, wrong, message));
}

TEST(CryptoVectors, Ed25519) { run_vectors(file, "sign_ed25519", 3, signature<Ed25519PublicKey, Ed25519PrivateKey>); }
TEST(CryptoVectors, Ed448) { run_vectors(file, "sign_ed448", 3, signature<Ed448PublicKey, Ed448PrivateKey>); }

// Whether a field of that kind takes the DER; what it takes must come out again as it was.
template <class Key>
Result<> field_accepts(const Bytes& der) {
  SIMPLEX_ASSIGN(const auto key, from_spki<Key>(der));
  EXPECT_EQ(to_spki(key), der);
  return {};
}

TEST(CryptoVectors, DecodeSpki) {
  const std::map<std::string, Result<> (*)(const Bytes&)> fields = {
      {"X25519", field_accepts<X25519PublicKey>},
      {"any command authorization key", field_accepts<AuthPublicKey>},
      {"any DH key", field_accepts<DhPublicKey>},
      {"any signature key", field_accepts<SignaturePublicKey>},
  };
  run_vectors(file, "decode_spki", 28, [&](const Case& c) {
    const auto accepted = fields.at(c.text("as"))(c.bytes("input"));
    EXPECT_EQ(accepted.has_value(), !c.has("error"));
    if (c.has("raw")) {
      const auto key = from_spki<X25519PublicKey>(c.bytes("input"));
      ASSERT_TRUE(key);
      EXPECT_EQ(copy(key->view()), c.bytes("raw"));
    }
  });
}

TEST(CryptoVectors, DecodeSignature) {
  run_vectors(file, "decode_signature", 7, [](const Case& c) {
    const auto made = decode_signature(c.bytes("input"));
    ASSERT_EQ(made.has_value(), !c.has("error"));
    if (!made) return;
    EXPECT_EQ(std::holds_alternative<Ed25519Signature>(*made), c.text("ok") == "SEd25519");
    EXPECT_EQ(copy(view(*made)), c.bytes("input"));
  });
}

TEST(CryptoVectors, AesGcmPadded) {
  run_vectors(file, "aes256_gcm_iv16_padded", 6, [](const Case& c) {
    const auto key = from<AesKey>(c, "key");
    const auto iv = from<AesIv16>(c, "iv");
    const auto associated = c.bytes("ad");
    const auto sealed =
        aead_seal_padded(key, iv, associated, c.bytes("msg"), static_cast<std::size_t>(c.number("padded_len")));
    ASSERT_EQ(sealed.has_value(), !c.has("error"));
    if (!sealed) return;
    EXPECT_EQ(sealed->ciphertext, c.bytes("ciphertext"));
    EXPECT_EQ(copy(sealed->tag.view()), c.bytes("tag"));
    const auto opened = aead_open_padded(key, iv, associated, sealed->ciphertext, sealed->tag);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, c.bytes("msg"));
  });
}

TEST(CryptoVectors, AesGcmOpen) {
  run_vectors(file, "aes256_gcm_iv16_decrypt", 4, [](const Case& c) {
    const auto opened = aead_open_padded(from<AesKey>(c, "key"), from<AesIv16>(c, "iv"), c.bytes("ad"),
                                         c.bytes("ciphertext"), from<AesTag>(c, "tag"));
    ASSERT_EQ(opened.has_value(), !c.has("error"));
    if (opened) {
      EXPECT_EQ(*opened, c.bytes("msg"));
    } else {
      EXPECT_EQ(opened.error().kind, ErrorKind::authentication);
    }
  });
}

TEST(CryptoVectors, AesGcmShortIv) {
  run_vectors(file, "aes256_gcm_iv12_nopad", 3, [](const Case& c) {
    const auto key = from<AesKey>(c, "key");
    const auto iv = from<AesIv12>(c, "iv");
    const auto sealed = aead_seal(key, iv, {}, c.bytes("msg"));
    EXPECT_EQ(sealed.ciphertext, c.bytes("ciphertext"));
    EXPECT_EQ(copy(sealed.tag.view()), c.bytes("tag"));
    const auto opened = aead_open(key, iv, {}, sealed.ciphertext, sealed.tag);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, c.bytes("msg"));
  });
}

}  // namespace
}  // namespace simplex::crypto
