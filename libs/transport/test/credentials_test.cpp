#include "simplex/transport/credentials.hpp"

#include <sys/stat.h>

#include <fstream>

#include "simplex/encoding/base64.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

namespace fs = std::filesystem;

class Credentials : public ::testing::Test {
 protected:
  Credentials() {
    std::string pattern = (fs::temp_directory_path() / "credentials-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Credentials() override { fs::remove_all(folder_); }

  Result<KeyHash> create(SignatureAlgorithm algorithm = SignatureAlgorithm::ed25519) {
    return create_credential_files(folder_, algorithm, "relay.example", clock_, random_);
  }
  void write(const char* name, std::string_view text) { std::ofstream(folder_ / name) << text; }

  fs::path folder_;
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(Credentials, AreCreatedAndLoadedForBothAlgorithms) {
  for (const auto algorithm : {SignatureAlgorithm::ed25519, SignatureAlgorithm::ed448}) {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    const auto identity = create(algorithm);
    ASSERT_TRUE(identity) << identity.error().message;
    const auto loaded = load_credentials(folder_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->identity, *identity);
    EXPECT_EQ(loaded->chain.size(), 2U);
    EXPECT_EQ(load_identity(folder_).value(), *identity);
    EXPECT_EQ(loaded->key.index(), algorithm == SignatureAlgorithm::ed25519 ? 0U : 1U);
    EXPECT_TRUE(verify_relay_chain(loaded->chain, *identity, clock_.wall()));

    std::string text;
    std::getline(std::ifstream(folder_ / "fingerprint") >> std::ws, text);
    EXPECT_EQ(text, base64url(identity->view()));
    for (const char* name : {"ca.key", "server.key"}) {
      struct stat status{};
      ASSERT_EQ(::stat((folder_ / name).c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
    }
  }
}

TEST_F(Credentials, AreNeverOverwritten) {
  ASSERT_TRUE(create());
  const auto before = load_identity(folder_).value();
  const auto again = create();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(load_identity(folder_).value(), before);
}

TEST_F(Credentials, ARenewedServerCertificateKeepsTheIdentity) {
  ASSERT_TRUE(create());
  const auto before = load_credentials(folder_).value();
  ASSERT_TRUE(renew_server_certificate(folder_, SignatureAlgorithm::ed448, "other.example", clock_, random_));
  const auto after = load_credentials(folder_);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->identity, before.identity);
  EXPECT_NE(after->chain[0], before.chain[0]);
  EXPECT_EQ(after->key.index(), 1U);
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "server.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Credentials, FilesThatDoNotBelongTogetherAreFound) {
  ASSERT_TRUE(create());
  const auto server_key = folder_ / "server.key";
  const auto other = issue_identity(SignatureAlgorithm::ed25519, clock_.wall(), random_);

  fs::rename(server_key, folder_ / "kept");
  EXPECT_EQ(load_credentials(folder_).error().kind, ErrorKind::not_found);
  fs::copy_file(folder_ / "ca.key", server_key);
  EXPECT_TRUE(contains(load_credentials(folder_).error().message, "server.key is not the key of"));
  write("server.key", "no key\n");
  EXPECT_EQ(load_credentials(folder_).error().kind, ErrorKind::malformed);
  fs::rename(folder_ / "kept", server_key);
  ASSERT_TRUE(load_credentials(folder_));

  write("fingerprint", base64url(Bytes(32, 1)));
  EXPECT_TRUE(contains(load_credentials(folder_).error().message, "is not the fingerprint of ca.crt"));
  fs::remove(folder_ / "fingerprint");
  ASSERT_TRUE(load_credentials(folder_));

  write("ca.crt", certificate_to_pem(other.certificate));
  EXPECT_EQ(load_credentials(folder_).error().kind, ErrorKind::conflict);
  EXPECT_FALSE(renew_server_certificate(folder_, SignatureAlgorithm::ed25519, "a", clock_, random_));
}

TEST_F(Credentials, AFolderThatCantBeWrittenSaysSo) {
  const auto result = create_credential_files(folder_ / "missing", SignatureAlgorithm::ed25519, "a", clock_, random_);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message, "ca.key")) << result.error().message;
}

TEST_F(Credentials, ANameThatIsTooLongForACertificateIsRefused) {
  const auto identity = issue_identity(SignatureAlgorithm::ed25519, clock_.wall(), random_);
  for (const std::size_t size : {0U, 65U}) {
    EXPECT_EQ(
        issue_server_certificate(identity, SignatureAlgorithm::ed25519, std::string(size, 'a'), clock_.wall(), random_)
            .error()
            .kind,
        ErrorKind::limit);
  }
}

// The reference's files, as its `init` made them. Their keys are not in the samples.
TEST_F(Credentials, TheReferencesCertificatesAreRead) {
  for (const char* sample : {"smp-memory", "smp-journal", "xftp"}) {
    const auto etc = fs::path(SIMPLEX_SOURCE_DIR) / "tests/samples" / sample / "etc";
    std::ifstream file(etc / "fingerprint");
    std::string stated;
    std::getline(file, stated);
    const auto identity = load_identity(etc);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(base64url(identity->view()), stated);

    CertificateChain chain;
    for (const char* name : {"server.crt", "ca.crt"}) {
      std::ifstream certificate(etc / name);
      const std::string pem{std::istreambuf_iterator<char>(certificate), {}};
      chain.push_back(certificates_from_pem(pem).value().at(0));
      EXPECT_EQ(certificate_to_pem(chain.back()), pem);
    }
    EXPECT_TRUE(verify_relay_chain(chain, *identity, clock_.wall()));
  }
}

TEST(Chain, RejectsWhatIsNotARelay) {
  SystemRandom random;
  const auto now = SystemClock().wall();
  const auto& own = test_credentials();
  const auto other = make_credentials(SignatureAlgorithm::ed448, now, random);
  const auto kind_of = [&](const CertificateChain& chain, const KeyHash& identity, WallTime at) {
    const auto result = verify_relay_chain(chain, identity, at);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_EQ(kind_of(own.chain, own.identity, now), "accepted");
  EXPECT_TRUE(contains(kind_of(own.chain, other.identity, now), "fingerprint differs"));
  EXPECT_TRUE(contains(kind_of({own.chain[0]}, fingerprint(own.chain[0]), now), "not a SimpleX relay"));
  EXPECT_TRUE(contains(kind_of({}, own.identity, now), "not a SimpleX relay"));
  EXPECT_TRUE(contains(kind_of({other.chain[0], own.chain[1]}, own.identity, now), "not signed by"));
  EXPECT_TRUE(contains(kind_of({own.chain[1], own.chain[0]}, fingerprint(own.chain[0]), now), "not signed by"));
  EXPECT_TRUE(contains(kind_of(own.chain, own.identity, now - std::chrono::hours(48)), "not valid yet"));
  EXPECT_TRUE(contains(kind_of({to_bytes(as_bytes("junk")), own.chain[1]}, own.identity, now), "not a certificate"));
  EXPECT_FALSE(
      verify_relay_chain({own.chain[0], own.chain[1], own.chain[1], own.chain[1], own.chain[1]}, own.identity, now));

  // A leaf may not sign.
  const auto authority = issue_identity(SignatureAlgorithm::ed25519, now, random);
  auto leaf = issue_server_certificate(authority, SignatureAlgorithm::ed25519, "a", now, random).value();
  const auto below = issue_server_certificate(leaf, SignatureAlgorithm::ed25519, "b", now, random).value();
  EXPECT_TRUE(
      contains(kind_of({below.certificate, leaf.certificate}, fingerprint(leaf.certificate), now), "may not sign"));
}

// The reference's services have certificates without extensions: only one in the middle must be an authority.
TEST(Chain, TheLastOfAServiceNeedNotBeAnAuthority) {
  SystemRandom random;
  const auto now = SystemClock().wall();
  const auto authority = issue_identity(SignatureAlgorithm::ed25519, now, random);
  const auto plain = issue_server_certificate(authority, SignatureAlgorithm::ed25519, "a", now, random).value();
  const auto below = issue_server_certificate(plain, SignatureAlgorithm::ed25519, "b", now, random).value();
  EXPECT_TRUE(verify_service_chain({below.certificate, plain.certificate}, now));
  EXPECT_TRUE(verify_service_chain({plain.certificate, authority.certificate}, now));
  EXPECT_TRUE(verify_service_chain({authority.certificate}, now));
  EXPECT_FALSE(verify_service_chain({below.certificate, plain.certificate, authority.certificate}, now));
  EXPECT_FALSE(verify_service_chain({below.certificate, authority.certificate}, now));
  EXPECT_FALSE(verify_service_chain({plain.certificate}, now)) << "not signed by itself";
}

}  // namespace
}  // namespace simplex::transport
