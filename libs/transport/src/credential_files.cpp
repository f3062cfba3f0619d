#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/transport/credential_files.hpp"
#include "openssl.hpp"

namespace simplex::transport {
namespace {

namespace fs = std::filesystem;

constexpr mode_t private_mode = 0600;
constexpr mode_t public_mode = 0644;
constexpr std::size_t max_file_size = 64 * 1'024;

std::unexpected<Error> file_error(const char* what, const fs::path& path, int number) {
  const auto kind = number == EEXIST   ? ErrorKind::conflict
                    : number == ENOENT ? ErrorKind::not_found
                                       : ErrorKind::storage;
  return fail(kind, std::string(what) + " " + path.string() + ": " + std::system_category().message(number),
              Advice::ask_user);
}

// The file must not exist, and is on the disk when this returns.
Result<> write_new(const fs::path& path, BytesView content, mode_t mode) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return file_error("can't create", path, errno);
  int number = 0;
  while (!content.empty() && number == 0) {
    const auto written = ::write(file, content.data(), content.size());
    if (written >= 0) {
      content = content.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      number = errno;
    }
  }
  if (number == 0 && ::fsync(file) != 0) number = errno;
  if (::close(file) != 0 && number == 0) number = errno;
  if (number == 0) return {};
  ::unlink(path.c_str());
  return file_error("can't write", path, number);
}

Result<SecretBytes> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return file_error("can't open", path, errno);
  std::array<char, 4'096> piece{};
  SecretBytes all;
  while (file.read(piece.data(), piece.size()) || file.gcount() > 0) {
    const auto got = static_cast<std::size_t>(file.gcount());
    SecretBytes longer(all.size() + got);
    std::ranges::copy(all.reveal(), longer.reveal_mutable().begin());
    std::ranges::copy(as_bytes({piece.data(), got}), longer.reveal_mutable().subspan(all.size()).begin());
    all = std::move(longer);
    if (all.size() > max_file_size)
      return fail(ErrorKind::limit, path.string() + " is too long for a key or certificate");
  }
  wipe({reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()});
  return all;
}

template <class Value>
Result<Value> in_file(const fs::path& path, Result<Value> result) {
  if (result) return result;
  return fail_in(path.string(), std::move(result).error());
}

Result<CertificateChain> read_certificates(const fs::path& path) {
  SIMPLEX_ASSIGN(const auto content, read_file(path));
  return in_file(path, certificates_from_pem(as_text(content.reveal())));
}

Result<crypto::SignaturePrivateKey> read_key(const fs::path& path) {
  SIMPLEX_ASSIGN(const auto content, read_file(path));
  return in_file(path, signature_key_from_pem(as_text(content.reveal())));
}

// PKCS #8 of these keys fits into two lines of base64, so that PEM is written here and wiped.
Result<> write_key(const fs::path& path, const crypto::SignaturePrivateKey& key) {
  const auto der = crypto::to_pkcs8(key);
  auto body = base64_standard(der.reveal());
  std::string pem = "-----BEGIN PRIVATE KEY-----\n";
  pem.reserve(256);
  for (std::size_t at = 0; at < body.size(); at += 64) pem.append(body, at, 64).append("\n");
  pem.append("-----END PRIVATE KEY-----\n");
  auto result = write_new(path, as_bytes(pem), private_mode);
  wipe({reinterpret_cast<std::uint8_t*>(body.data()), body.size()});
  wipe({reinterpret_cast<std::uint8_t*>(pem.data()), pem.size()});
  return result;
}

// Of certificates that may have expired: that is for clients to see, and renewing must be possible.
Result<> check_signatures(const CertificateChain& chain, const KeyHash& identity) {
  const auto leaf = x509_from_der(chain.front());
  std::tm from{};
  if (!leaf || ASN1_TIME_to_tm(X509_get0_notBefore(leaf.get()), &from) != 1) {
    return fail(ErrorKind::malformed, "a certificate without a time from which it is valid");
  }
  return verify_relay_chain(chain, identity, from_seconds_since_epoch(timegm(&from)));
}

Result<> write_certificate(const fs::path& path, BytesView der) {
  return write_new(path, as_bytes(certificate_to_pem(der)), public_mode);
}

Result<> replace(const fs::path& made, const fs::path& path) {
  std::error_code error;
  fs::rename(made, path, error);
  if (error) return file_error("can't replace", path, error.value());
  return {};
}

}  // namespace

Result<KeyHash> create_credential_files(const fs::path& folder, SignatureAlgorithm algorithm,
                                        std::string_view common_name, const Clock& clock, Random& random) {
  for (const char* name : {"ca.key", "ca.crt", "server.key", "server.crt", "fingerprint"}) {
    std::error_code error;
    if (fs::exists(folder / name, error)) {
      return fail(
          ErrorKind::conflict,
          (folder / name).string() +
              " exists: this folder has a relay's identity already, and its address would change. Choose another "
              "folder, or move the files away",
          Advice::ask_user);
    }
  }
  const auto identity = issue_identity(algorithm, clock.wall(), random);
  SIMPLEX_ASSIGN(const auto server, issue_server_certificate(identity, algorithm, common_name, clock.wall(), random));
  const auto hash = fingerprint(identity.certificate);
  SIMPLEX_TRY(write_key(folder / "ca.key", identity.key));
  SIMPLEX_TRY(write_certificate(folder / "ca.crt", identity.certificate));
  SIMPLEX_TRY(write_key(folder / "server.key", server.key));
  SIMPLEX_TRY(write_certificate(folder / "server.crt", server.certificate));
  SIMPLEX_TRY(write_new(folder / "fingerprint", as_bytes(base64url(hash.view()) + "\n"), public_mode));
  return hash;
}

Result<> renew_server_certificate(const fs::path& folder, SignatureAlgorithm algorithm, std::string_view common_name,
                                  const Clock& clock, Random& random) {
  SIMPLEX_ASSIGN(auto chain, read_certificates(folder / "ca.crt"));
  SIMPLEX_ASSIGN(auto key, read_key(folder / "ca.key"));
  const IssuedCertificate identity{std::move(chain.front()), std::move(key)};
  SIMPLEX_ASSIGN(const auto certified, certified_key(identity.certificate));
  if (certified != crypto::public_key(identity.key)) {
    return fail(ErrorKind::conflict, "ca.key is not the key of ca.crt", Advice::ask_user);
  }
  SIMPLEX_ASSIGN(const auto server, issue_server_certificate(identity, algorithm, common_name, clock.wall(), random));
  const auto new_key = folder / "server.key.new";
  const auto new_certificate = folder / "server.crt.new";
  std::error_code ignored;  // what a failed renewal left
  fs::remove(new_key, ignored);
  fs::remove(new_certificate, ignored);
  SIMPLEX_TRY(write_key(new_key, server.key));
  SIMPLEX_TRY(write_certificate(new_certificate, server.certificate));
  SIMPLEX_TRY(replace(new_key, folder / "server.key"));
  return replace(new_certificate, folder / "server.crt");
}

Result<ServerCertificateDescription> describe_server_certificate(const fs::path& folder) {
  SIMPLEX_ASSIGN(const auto chain, read_certificates(folder / "server.crt"));
  SIMPLEX_ASSIGN(const auto key, certified_key(chain.front()));
  ServerCertificateDescription made;
  if (std::holds_alternative<crypto::Ed448PublicKey>(key)) made.algorithm = SignatureAlgorithm::ed448;
  const auto certificate = x509_from_der(chain.front());
  std::array<char, 256> name{};
  const int size = certificate ? X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName,
                                                           name.data(), static_cast<int>(name.size()))
                               : -1;
  if (size <= 0) {
    return fail(ErrorKind::malformed, (folder / "server.crt").string() + " has no common name: give one with --cn NAME",
                Advice::ask_user);
  }
  made.common_name.assign(name.data(), static_cast<std::size_t>(size));
  return made;
}

Result<KeyHash> load_identity(const fs::path& folder) {
  SIMPLEX_ASSIGN(const auto chain, read_certificates(folder / "ca.crt"));
  return fingerprint(chain.front());
}

CredentialFiles credential_files(const fs::path& folder) {
  return {folder / "server.crt", folder / "server.key", folder / "ca.crt", folder / "fingerprint"};
}

Result<ServerCredentials> load_credentials(const fs::path& folder) {
  return load_credentials(credential_files(folder));
}

Result<ServerCredentials> load_credentials(const CredentialFiles& files) {
  SIMPLEX_ASSIGN(auto chain, read_certificates(files.server_certificate));
  SIMPLEX_ASSIGN(auto above, read_certificates(files.ca_certificate));
  SIMPLEX_ASSIGN(auto key, read_key(files.server_key));
  const auto identity = fingerprint(above.front());
  for (auto& der : above) chain.push_back(std::move(der));
  if (const auto signed_by = check_signatures(chain, identity); !signed_by) {
    return fail(ErrorKind::conflict,
                files.server_certificate.string() + " is not signed by " + files.ca_certificate.string() +
                    ": one of the two is of another relay",
                Advice::ask_user);
  }

  SIMPLEX_ASSIGN(const auto certified, in_file(files.server_certificate, certified_key(chain.front())));
  if (certified != crypto::public_key(key)) {
    return fail(ErrorKind::conflict,
                files.server_key.string() + " is not the key of " + files.server_certificate.string(),
                Advice::ask_user);
  }
  if (const auto stated = read_file(files.fingerprint)) {
    auto text = as_text(stated->reveal());
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
    const auto hash = from_base64url(text);
    if (!hash || !std::ranges::equal(*hash, identity.view())) {
      return fail(ErrorKind::conflict,
                  files.fingerprint.string() + " is not the fingerprint of ca.crt: one of the two is of another relay",
                  Advice::ask_user);
    }
  }
  return ServerCredentials{std::move(chain), std::move(key), identity};
}

}  // namespace simplex::transport
