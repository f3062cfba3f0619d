#include "simplex/transport/certificate.hpp"

#include <openssl/x509v3.h>

#include <array>

#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/signature.hpp"
#include "der.hpp"
#include "openssl.hpp"

namespace simplex::transport {
namespace {

constexpr std::size_t max_chain = 4;

Result<std::vector<X509Ptr>> parse_chain(const CertificateChain& chain) {
  std::vector<X509Ptr> made;
  for (const auto& der : chain) {
    made.push_back(x509_from_der(der));
    if (!made.back())
      return fail(ErrorKind::malformed, "the certificate chain has something that is not a certificate");
  }
  return made;
}

Result<> check_in_force(const X509* certificate, WallTime now) {
  auto seconds = static_cast<time_t>(seconds_since_epoch(now));
  if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) > 0) {
    return fail(ErrorKind::authentication,
                "a certificate of the peer is not valid yet: check the clocks of both machines", Advice::ask_user);
  }
  if (X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0) {
    return fail(ErrorKind::authentication, "a certificate of the peer has expired: its operator has to renew it",
                Advice::ask_user);
  }
  return {};
}

Result<> check_signed_by(X509* certificate, X509* issuer) {
  const auto bad = [] {
    return fail(ErrorKind::authentication, "a certificate of the peer is not signed by the next one of its chain");
  };
  if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0) return bad();
  EVP_PKEY* const key = X509_get0_pubkey(issuer);
  if (key == nullptr || X509_verify(certificate, key) != 1) {
    (void)take_openssl_error();
    return bad();
  }
  return {};
}

// Which certificates must say that they may sign others: the reference's services show some without any extensions,
// where the last one is trusted without that.
enum class Authorities : std::uint8_t { all, between };

Result<> check_chain(const std::vector<X509Ptr>& certificates, Authorities authorities, WallTime now) {
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    SIMPLEX_TRY(check_in_force(certificates[i].get(), now));
    if (i == 0) continue;
    SIMPLEX_TRY(check_signed_by(certificates[i - 1].get(), certificates[i].get()));
    if (authorities == Authorities::between && i + 1 == certificates.size()) continue;
    if (X509_check_ca(certificates[i].get()) != 1) {
      return fail(ErrorKind::authentication, "the peer's identity certificate may not sign others");
    }
  }
  return {};
}

constexpr std::array<std::uint8_t, 7> ed25519_algorithm{0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::array<std::uint8_t, 7> ed448_algorithm{0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71};

}  // namespace

KeyHash fingerprint(BytesView certificate) { return KeyHash(crypto::sha256(certificate).array()); }

Result<KeyHash> identity_of(const CertificateChain& chain) {
  if (chain.empty() || chain.size() > max_chain) {
    return fail(ErrorKind::malformed, "a certificate chain of less than 1 or more than 4 certificates");
  }
  return fingerprint(chain.size() == 1 ? chain[0] : chain[1]);
}

Result<> verify_relay_chain(const CertificateChain& chain, const KeyHash& identity, WallTime now) {
  if (chain.size() < 2 || chain.size() > max_chain) {
    return fail(ErrorKind::authentication,
                "the peer did not show a relay's certificate chain: it is not a SimpleX relay");
  }
  if (fingerprint(chain[1]) != identity) {
    return fail(ErrorKind::authentication,
                "the relay's fingerprint differs from the one in its address: the address is wrong, or somebody stands "
                "between you and the relay",
                Advice::ask_user);
  }
  SIMPLEX_ASSIGN(const auto certificates, parse_chain(chain));
  return check_chain(certificates, Authorities::all, now);
}

Result<> verify_service_chain(const CertificateChain& chain, WallTime now) {
  if (chain.empty() || chain.size() > max_chain) {
    return fail(ErrorKind::authentication, "a service's certificate chain has 1 to 4 certificates");
  }
  SIMPLEX_ASSIGN(const auto certificates, parse_chain(chain));
  if (certificates.size() == 1) SIMPLEX_TRY(check_signed_by(certificates[0].get(), certificates[0].get()));
  return check_chain(certificates, Authorities::between, now);
}

Result<crypto::SignaturePublicKey> certified_key(BytesView certificate) {
  const auto parsed = x509_from_der(certificate);
  if (!parsed) return fail(ErrorKind::malformed, "not a certificate");
  const EVP_PKEY* const key = X509_get0_pubkey(parsed.get());
  std::array<std::uint8_t, 57> raw{};
  std::size_t size = raw.size();
  if (key != nullptr && EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1) {
    const auto octets = BytesView(raw).first(size);
    if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519) {
      if (const auto made = crypto::Ed25519PublicKey::from(octets)) return *made;
    }
    if (EVP_PKEY_get_id(key) == EVP_PKEY_ED448) {
      if (const auto made = crypto::Ed448PublicKey::from(octets)) return *made;
    }
  }
  (void)take_openssl_error();
  return fail(ErrorKind::unsupported, "a certificate whose key is neither Ed25519 nor Ed448");
}

Bytes sign_key(const crypto::SignaturePrivateKey& signer, BytesView spki) {
  const auto signed_part = der::wrap(der::sequence, spki);
  const auto signature = crypto::sign(signer, signed_part);
  Bytes bits{0};  // no unused bits
  append(bits, crypto::view(signature));
  Bytes content = signed_part;
  append(content, std::holds_alternative<crypto::Ed25519Signature>(signature) ? BytesView(ed25519_algorithm)
                                                                              : BytesView(ed448_algorithm));
  append(content, der::wrap(der::bit_string, bits));
  return der::wrap(der::sequence, content);
}

Result<BytesView> verify_signed_key(const crypto::SignaturePublicKey& signer, BytesView signed_key) {
  const auto bad = [](const char* what) { return fail(ErrorKind::authentication, what); };
  SIMPLEX_ASSIGN(auto content, der::take(der::sequence, signed_key));
  SIMPLEX_ASSIGN(const auto signed_part, der::take(der::sequence, content.content));
  SIMPLEX_ASSIGN(const auto algorithm, der::take(der::sequence, content.content));
  SIMPLEX_ASSIGN(const auto bits, der::take(der::bit_string, content.content));
  if (!signed_key.empty() || !content.content.empty() || bits.content.empty() || bits.content[0] != 0) {
    return fail(ErrorKind::malformed, "a signed key that is not DER");
  }
  SIMPLEX_ASSIGN(const auto signature, crypto::decode_signature(bits.content.subspan(1)));
  const bool is_ed25519 = std::holds_alternative<crypto::Ed25519Signature>(signature);
  if (!std::ranges::equal(algorithm.whole, is_ed25519 ? ed25519_algorithm : ed448_algorithm)) {
    return bad("a signed key whose algorithm is not that of its signature");
  }
  if (!crypto::verify(signer, signature, signed_part.whole)) {
    return bad("the session key is not signed by the certificate of this TLS connection");
  }
  return signed_part.content;
}

}  // namespace simplex::transport
