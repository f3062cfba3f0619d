#include "simplex/transport/credentials.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>

#include "simplex/crypto/key_encoding.hpp"
#include "openssl.hpp"

namespace simplex::transport {
namespace {

// As the reference's `openssl -days 999999`: relays are not renewed because of a date.
constexpr int days_in_force = 999'999;

crypto::SignaturePrivateKey generate_key(SignatureAlgorithm algorithm, Random& random) {
  if (algorithm == SignatureAlgorithm::ed25519) return crypto::generate_ed25519(random).private_key;
  return crypto::generate_ed448(random).private_key;
}

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + take_openssl_error());
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  must(made && X509_add_ext(certificate, made.get(), -1) == 1, "an extension of a certificate");
}

void add_name(X509_NAME* name, const char* field, std::string_view value) {
  const auto octets = as_bytes(value);
  must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, octets.data(), static_cast<int>(octets.size()), -1, 0) ==
           1,
       "the name of a certificate");
}

// With version, serial number, time in force and public key; names, extensions and signature are to follow.
X509Ptr begin_certificate(EVP_PKEY* key, WallTime now, Random& random) {
  X509Ptr made(X509_new());
  must(made != nullptr, "a certificate");
  std::array<std::uint8_t, 20> serial{};
  random.fill(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, and always 20 octets
  const std::unique_ptr<BIGNUM, OpensslFree<BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  must(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(made.get())) != nullptr, "a serial number");
  auto from = static_cast<time_t>(seconds_since_epoch(now));
  must(X509_set_version(made.get(), X509_VERSION_3) == 1 && X509_set_pubkey(made.get(), key) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(made.get()), 0, 0, &from) != nullptr &&
           X509_time_adj_ex(X509_getm_notAfter(made.get()), days_in_force, 0, &from) != nullptr,
       "the fields of a certificate");
  return made;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

ServerCredentials ServerCredentials::clone() const {
  return {chain, std::visit([](const auto& one) { return crypto::SignaturePrivateKey(one.clone()); }, key), identity};
}

IssuedCertificate issue_identity(SignatureAlgorithm algorithm, WallTime now, Random& random) {
  auto key = generate_key(algorithm, random);
  const auto openssl = openssl_key(key);
  const auto made = begin_certificate(openssl.get(), now, random);
  auto* const name = X509_get_subject_name(made.get());
  add_name(name, "CN", "SMP server CA");
  add_name(name, "O", "SimpleX");
  must(X509_set_issuer_name(made.get(), name) == 1, "the issuer of a certificate");
  add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash");
  add_extension(made.get(), made.get(), NID_authority_key_identifier, "keyid:always");
  add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(made.get(), openssl.get(), nullptr) > 0, "the signature of a certificate");
  return {to_der(made.get()), std::move(key)};
}

Result<IssuedCertificate> issue_server_certificate(const IssuedCertificate& identity, SignatureAlgorithm algorithm,
                                                   std::string_view common_name, WallTime now, Random& random) {
  if (common_name.empty() || common_name.size() > ub_common_name) {
    return fail(ErrorKind::limit,
                "the name in a certificate has 1 to 64 letters: give a shorter host name or its address",
                Advice::ask_user);
  }
  const auto issuer = x509_from_der(identity.certificate);
  if (!issuer) return fail(ErrorKind::malformed, "the identity certificate can't be read");
  auto key = generate_key(algorithm, random);
  const auto openssl = openssl_key(key);
  const auto made = begin_certificate(openssl.get(), now, random);
  add_name(X509_get_subject_name(made.get()), "CN", common_name);
  must(X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get())) == 1, "the issuer of a certificate");
  add_extension(made.get(), issuer.get(), NID_basic_constraints, "CA:FALSE");
  add_extension(made.get(), issuer.get(), NID_key_usage, "digitalSignature,nonRepudiation,keyAgreement");
  add_extension(made.get(), issuer.get(), NID_ext_key_usage, "serverAuth");
  add_extension(made.get(), issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(made.get(), issuer.get(), NID_authority_key_identifier, "keyid:always");
  must(X509_sign(made.get(), openssl_key(identity.key).get(), nullptr) > 0, "the signature of a certificate");
  return IssuedCertificate{to_der(made.get()), std::move(key)};
}

ServerCredentials make_credentials(SignatureAlgorithm algorithm, WallTime now, Random& random) {
  auto identity = issue_identity(algorithm, now, random);
  auto server = issue_server_certificate(identity, algorithm, "localhost", now, random).value();
  const auto hash = fingerprint(identity.certificate);
  return {{std::move(server.certificate), std::move(identity.certificate)}, std::move(server.key), hash};
}

Result<CertificateChain> certificates_from_pem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificateChain chain;
  while (true) {
    const X509Ptr one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    chain.push_back(to_der(one.get()));
  }
  const auto reason = take_openssl_error();  // of the end, at least
  if (chain.empty()) return fail(ErrorKind::malformed, "no PEM certificate (" + reason + ")");
  return chain;
}

std::string certificate_to_pem(BytesView der) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  must(bio && PEM_write_bio(bio.get(), PEM_STRING_X509, "", der.data(), static_cast<long>(der.size())) > 0,
       "a certificate as PEM");
  return text_of(bio.get());
}

Result<crypto::SignaturePrivateKey> signature_key_from_pem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));  // asks nobody for a passphrase
  if (!key) return fail(ErrorKind::malformed, "no private key in PEM form (" + take_openssl_error() + ")");
  SecretBytes raw(std::size_t{57});
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_private_key(key.get(), raw.reveal_mutable().data(), &size) == 1) {
    const auto octets = raw.reveal().first(size);
    if (EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519) {
      if (auto made = crypto::Ed25519PrivateKey::from(octets)) return std::move(*made);
    }
    if (EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED448) {
      if (auto made = crypto::Ed448PrivateKey::from(octets)) return std::move(*made);
    }
  }
  (void)take_openssl_error();
  return fail(ErrorKind::unsupported, "a private key that is neither Ed25519 nor Ed448");
}

}  // namespace simplex::transport
