// A relay's certificates and keys, in memory and as the files of its configuration folder:
//   ca.key ca.crt       the identity, made once, 2,700 years; ca.key should be kept offline
//   server.key server.crt   the certificate of the running relay, signed by the identity
//   fingerprint         base64url of the identity's SHA-256: what the relay's address carries
// Keys are PKCS #8 PEM with mode 0600. Nothing is ever overwritten, but by renew_server_certificate().
#pragma once

#include <filesystem>
#include <string>

#include "simplex/base/clock.hpp"
#include "simplex/base/random.hpp"
#include "simplex/transport/certificate.hpp"

namespace simplex::transport {

enum class SignatureAlgorithm : std::uint8_t { ed25519, ed448 };

// What a relay shows and signs with.
struct ServerCredentials {
  CertificateChain chain;           // leaf, identity, perhaps more
  crypto::SignaturePrivateKey key;  // of the leaf
  KeyHash identity;

  [[nodiscard]] ServerCredentials clone() const;
};

struct IssuedCertificate {
  Bytes certificate;  // DER
  crypto::SignaturePrivateKey key;
};

// Self-signed authority certificate "SMP server CA".
[[nodiscard]] IssuedCertificate issue_identity(SignatureAlgorithm algorithm, WallTime now, Random& random);
// Leaf for a running relay. common_name: its host name or address, at most 64 octets; not checked by clients.
[[nodiscard]] Result<IssuedCertificate> issue_server_certificate(const IssuedCertificate& identity,
                                                                 SignatureAlgorithm algorithm,
                                                                 std::string_view common_name, WallTime now,
                                                                 Random& random);
// Both of the above in memory; for tests and simulations.
[[nodiscard]] ServerCredentials make_credentials(SignatureAlgorithm algorithm, WallTime now, Random& random);

// Makes all the files in an existing folder; a conflict when one of them exists.
[[nodiscard]] Result<KeyHash> create_credential_files(const std::filesystem::path& folder, SignatureAlgorithm algorithm,
                                                      std::string_view common_name, const Clock& clock, Random& random);
// New server.key and server.crt, signed with ca.key.
[[nodiscard]] Result<> renew_server_certificate(const std::filesystem::path& folder, SignatureAlgorithm algorithm,
                                                std::string_view common_name, const Clock& clock, Random& random);
// server.crt, ca.crt and server.key; they must belong together, and to the fingerprint file where there is one.
[[nodiscard]] Result<ServerCredentials> load_credentials(const std::filesystem::path& folder);
// Of ca.crt.
[[nodiscard]] Result<KeyHash> load_identity(const std::filesystem::path& folder);

[[nodiscard]] Result<CertificateChain> certificates_from_pem(std::string_view pem);
[[nodiscard]] std::string certificate_to_pem(BytesView der);
[[nodiscard]] Result<crypto::SignaturePrivateKey> signature_key_from_pem(std::string_view pem);

}  // namespace simplex::transport
