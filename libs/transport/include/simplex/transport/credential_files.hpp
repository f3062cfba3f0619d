// The files of a relay's credentials under other names than the usual, and what is in them.
#pragma once

#include "simplex/transport/credentials.hpp"

namespace simplex::transport {

// What renew_server_certificate() needs to make one like the one that is there.
struct ServerCertificateDescription {
  SignatureAlgorithm algorithm = SignatureAlgorithm::ed25519;
  std::string common_name;
};
[[nodiscard]] Result<ServerCertificateDescription> describe_server_certificate(const std::filesystem::path& folder);
struct CredentialFiles {
  std::filesystem::path server_certificate;
  std::filesystem::path server_key;
  std::filesystem::path ca_certificate;
  std::filesystem::path fingerprint;  // need not exist
};
// Under their usual names.
[[nodiscard]] CredentialFiles credential_files(const std::filesystem::path& folder);
[[nodiscard]] Result<ServerCredentials> load_credentials(const CredentialFiles& files);

}  // namespace simplex::transport
