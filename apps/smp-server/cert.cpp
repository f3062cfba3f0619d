// smp-server cert
#include "simplex/transport/credential_files.hpp"
#include "command.hpp"

namespace simplex::smp_server {
namespace {

using transport::SignatureAlgorithm;

int renew(const std::optional<std::string>& algorithm, const std::optional<std::string>& name) {
  const auto folders = folders_from_environment();
  const auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  // What is not said is as in the old certificate.
  const auto old = transport::describe_server_certificate(folders.config);
  if (!old && (!algorithm || !name)) return tell(old.error());
  const auto kind = algorithm ? (*algorithm == "ED448" || *algorithm == "ed448" ? SignatureAlgorithm::ed448
                                                                                : SignatureAlgorithm::ed25519)
                              : old->algorithm;
  const SystemClock clock;
  SystemRandom random;
  const auto renewed =
      transport::renew_server_certificate(folders.config, kind, name ? *name : old->common_name, clock, random);
  if (!renewed) return tell(renewed.error());
  say("Generated new server credentials");
  say("server.key and server.crt in " + folders.config.string() +
      " are new. Restart the relay, or send it SIGHUP; its address stays the same.");
  say("Keep " + (folders.config / "ca.key").string() + " offline, and delete it here.");
  return succeeded;
}

}  // namespace

Run declare_cert(CLI::App& app) {
  auto algorithm = std::make_shared<std::optional<std::string>>();
  auto name = std::make_shared<std::optional<std::string>>();
  app.add_option("-a,--sign-algorithm", *algorithm, "ED25519 or ED448; that of the old certificate, if not given")
      ->type_name("ALG")
      ->check(CLI::IsMember({"ED25519", "ED448"}, CLI::ignore_case));
  app.add_option("--cn", *name, "Common name; that of the old certificate, if not given")->type_name("FQDN");
  return [algorithm, name] { return renew(*algorithm, *name); };
}

}  // namespace simplex::smp_server
