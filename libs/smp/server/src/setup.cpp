#include "simplex/smp/server/setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "simplex/server_kit/files.hpp"

namespace simplex::smp::server {
namespace {

// Who says something about the relay also says where its source code is.
Result<> check_information(const InitOptions& options) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorKind::malformed, std::string(what), Advice::ask_user);
  };
  const bool any = options.operator_name || options.operator_website || options.hosting || options.hosting_type ||
                   options.server_country;
  if (any && !options.source_code) return wrong("passing any server information requires passing --source-code");
  if (options.operator_country && !options.operator_name) {
    return wrong("passing --operator-country requires passing --operator");
  }
  if (options.hosting_country && !options.hosting) {
    return wrong("passing --hosting-country requires passing --hosting");
  }
  for (const auto* country : {&options.server_country, &options.operator_country, &options.hosting_country}) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (*country && ((*country)->size() != 2 || !std::ranges::all_of(**country, letter))) {
      return wrong("countries are two letters of ISO 3166, for example DE");
    }
  }
  return {};
}

}  // namespace

Result<InitReport> initialize(const InitOptions& options, const ServerFolders& folders, const Clock& clock,
                              Random& random) {
  std::error_code error;
  if (std::filesystem::exists(folders.ini(), error)) {
    return fail(ErrorKind::conflict,
                fmt::format("this relay exists already: {} is there, and nothing was changed.\n"
                            "Start it with \"smp-server start\". For another relay, set SMP_SERVER_CFG_PATH and "
                            "SMP_SERVER_LOG_PATH to other folders.",
                            folders.ini().string()),
                Advice::ask_user);
  }
  InitReport made;
  if (!options.no_password) {
    made.password = options.password.empty() ? base64url(random.bytes(32)) : options.password;
  }
  std::vector<std::string> texts{options.ip, options.fqdn, options.port, options.password};
  for (const auto* text :
       {&options.socks_proxy, &options.own_domains, &options.source_code, &options.operator_name,
        &options.operator_country, &options.operator_website, &options.hosting, &options.hosting_country,
        &options.hosting_type, &options.server_country, &options.web_path}) {
    if (*text) texts.push_back(**text);
  }
  texts.push_back(options.database.connection);
  texts.push_back(options.database.schema);
  for (const auto& text : texts) {
    if (text.find_first_of("\r\n") == std::string::npos) continue;
    return fail(ErrorKind::malformed, "an option contains a line break", Advice::ask_user);
  }
  std::optional<ControlPasswords> control;
  if (options.control_port) control = ControlPasswords{base64url(random.bytes(18)), base64url(random.bytes(18))};
  SIMPLEX_TRY(check_information(options));
  // Everything is checked before anything is written.
  const auto text = ini_text(options, folders, made.password, control);
  SIMPLEX_ASSIGN(const auto ini, server_kit::Ini::parse(text, folders.ini().string()));
  SIMPLEX_ASSIGN(made.config, read_config(ini, folders));

  if (options.prepare) SIMPLEX_TRY(options.prepare(made.config));
  SIMPLEX_TRY(server_kit::create_directories(folders.config, 0755));
  SIMPLEX_TRY(server_kit::create_directories(folders.log, 0700));
  SIMPLEX_ASSIGN(made.identity,
                 transport::create_credential_files(folders.config, options.algorithm, options.host(), clock, random));
  for (const auto* name : {"ca.key", "ca.crt", "server.key", "server.crt", "fingerprint"}) {
    made.written.push_back(folders.config / name);
  }
  // It may hold passwords.
  SIMPLEX_TRY(server_kit::create_file(folders.ini(), as_bytes(text), server_kit::private_file));
  made.written.push_back(folders.ini());
  return made;
}

}  // namespace simplex::smp::server
