#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/x3dh.hpp"

namespace simplex::crypto {

void write_kem_params(Writer& writer, const KemParams& params) {
  if (const auto* accepted = std::get_if<KemAccepted>(&params)) {
    writer.character('A');
    write_kem_ciphertext(writer, accepted->ciphertext);
    write_kem_public_key(writer, accepted->key);
  } else {
    writer.character('P');
    write_kem_public_key(writer, std::get<KemProposed>(params).key);
  }
}

Result<KemParams> read_kem_params(Reader& reader) {
  SIMPLEX_ASSIGN(const auto state, reader.u8());
  switch (state) {
    case 'P': {
      SIMPLEX_ASSIGN(const auto key, read_kem_public_key(reader));
      return KemProposed{key};
    }
    case 'A': {
      SIMPLEX_ASSIGN(const auto ciphertext, read_kem_ciphertext(reader));
      SIMPLEX_ASSIGN(const auto key, read_kem_public_key(reader));
      return KemAccepted{ciphertext, key};
    }
    default: return fail(ErrorKind::malformed, "Post-quantum parameters are neither proposed nor accepted.");
  }
}

void write_e2e_ratchet_params_uri(Writer& writer, const E2eRatchetParamsUri& params) {
  write_version_range(writer, params.versions);
  write_key(writer, params.key1);
  write_key(writer, params.key2);
  writer.optional(params.kem, [](Writer& to, const KemPublicKey& key) { write_kem_params(to, KemProposed{key}); });
}

Result<E2eRatchetParamsUri> read_e2e_ratchet_params_uri(Reader& reader) {
  SIMPLEX_ASSIGN(const auto versions, read_version_range<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto key1, read_key<X448PublicKey>(reader));
  SIMPLEX_ASSIGN(const auto key2, read_key<X448PublicKey>(reader));
  SIMPLEX_ASSIGN(const auto kem, reader.optional(read_kem_params));
  if (!kem) return E2eRatchetParamsUri{versions, key1, key2, std::nullopt};
  const auto* proposed = std::get_if<KemProposed>(&*kem);
  if (proposed == nullptr) {
    return fail(ErrorKind::malformed, "A link accepts post-quantum keys, which only the joining side can do.");
  }
  return E2eRatchetParamsUri{versions, key1, key2, proposed->key};
}

void write_e2e_ratchet_params(Writer& writer, const E2eRatchetParams& params) {
  writer.u16(params.version.value());
  write_key(writer, params.key1);
  write_key(writer, params.key2);
  if (params.version >= e2e_version_pq) writer.optional(params.kem, write_kem_params);
}

Result<E2eRatchetParams> read_e2e_ratchet_params(Reader& reader) {
  SIMPLEX_ASSIGN(const auto version, read_version<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto key1, read_key<X448PublicKey>(reader));
  SIMPLEX_ASSIGN(const auto key2, read_key<X448PublicKey>(reader));
  if (version < e2e_version_pq) return E2eRatchetParams{version, key1, key2, std::nullopt};
  SIMPLEX_ASSIGN(auto kem, reader.optional(read_kem_params));
  return E2eRatchetParams{version, key1, key2, std::move(kem)};
}

namespace {

void write_kem_keys(Writer& writer, const KemKeyPair& keys) {
  write_kem_public_key(writer, keys.public_key);
  write_kem_secret_key(writer, keys.secret_key);
}

Result<KemKeyPair> read_kem_keys(Reader& reader) {
  SIMPLEX_ASSIGN(const auto public_key, read_kem_public_key(reader));
  SIMPLEX_ASSIGN(auto secret_key, read_kem_secret_key(reader));
  return KemKeyPair{public_key, std::move(secret_key)};
}

}  // namespace

void write_kem_private_params(Writer& writer, const KemPrivateParams& params) {
  if (const auto* accepted = std::get_if<KemAcceptedKeys>(&params)) {
    writer.character('A');
    write_kem_ciphertext(writer, accepted->encapsulation.ciphertext);
    write_kem_shared_secret(writer, accepted->encapsulation.shared_secret);
    write_kem_keys(writer, accepted->keys);
  } else {
    writer.character('P');
    write_kem_keys(writer, std::get<KemKeyPair>(params));
  }
}

Result<KemPrivateParams> read_kem_private_params(Reader& reader) {
  SIMPLEX_ASSIGN(const auto state, reader.u8());
  switch (state) {
    case 'P': {
      SIMPLEX_ASSIGN(auto keys, read_kem_keys(reader));
      return keys;
    }
    case 'A': {
      SIMPLEX_ASSIGN(const auto ciphertext, read_kem_ciphertext(reader));
      SIMPLEX_ASSIGN(auto secret, read_kem_shared_secret(reader));
      SIMPLEX_ASSIGN(auto keys, read_kem_keys(reader));
      return KemAcceptedKeys{{ciphertext, std::move(secret)}, std::move(keys)};
    }
    default: return fail(ErrorKind::malformed, "Stored post-quantum keys are neither proposed nor accepted.");
  }
}

}  // namespace simplex::crypto
