#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "simplex/transport/web.hpp"
#include "openssl.hpp"

namespace simplex::transport {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> in_file(const fs::path& path, const std::string& what) {
  return fail(ErrorKind::malformed, path.string() + " " + what, Advice::ask_user);
}

Result<BioPtr> open(const fs::path& path) {
  BioPtr file(BIO_new_file(path.c_str(), "rb"));
  if (file) return file;
  const int number = errno;
  ERR_clear_error();
  return fail(number == ENOENT ? ErrorKind::not_found : ErrorKind::storage,
              "can't open " + path.string() + ": " + std::system_category().message(number), Advice::ask_user);
}

// A server has nobody to ask for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

Result<std::vector<Bytes>> read_chain(const fs::path& path) {
  SIMPLEX_ASSIGN(const auto file, open(path));
  std::vector<Bytes> chain;
  while (X509Ptr certificate{PEM_read_bio_X509(file.get(), nullptr, no_password, nullptr)}) {
    chain.push_back(to_der(certificate.get()));
    if (chain.size() > 10) return in_file(path, "has more than 10 certificates");
  }
  ERR_clear_error();
  if (chain.empty()) return in_file(path, "has no certificate in PEM form");
  return chain;
}

}  // namespace

Result<WebCredentials> load_web_credentials(const fs::path& certificates, const fs::path& key) {
  WebCredentials made;
  SIMPLEX_ASSIGN(made.chain, read_chain(certificates));
  SIMPLEX_ASSIGN(const auto file, open(key));
  const KeyPtr read(PEM_read_bio_PrivateKey(file.get(), nullptr, no_password, nullptr));
  if (!read) {
    ERR_clear_error();
    return in_file(key, "has no private key in PEM form, or an encrypted one");
  }
  const auto leaf = x509_from_der(made.chain.front());
  if (!leaf || X509_check_private_key(leaf.get(), read.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorKind::conflict,
                key.string() + " is not the key of the first certificate in " + certificates.string(),
                Advice::ask_user);
  }
  const int size = i2d_PrivateKey(read.get(), nullptr);
  if (size <= 0) return in_file(key, "has a key that can't be used: " + take_openssl_error());
  made.key = SecretBytes(static_cast<std::size_t>(size));
  auto* at = made.key.reveal_mutable().data();
  if (i2d_PrivateKey(read.get(), &at) != size) {
    return in_file(key, "has a key that can't be used: " + take_openssl_error());
  }
  return made;
}

}  // namespace simplex::transport
