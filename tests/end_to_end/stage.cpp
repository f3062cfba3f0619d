#include "stage.hpp"

#include <unistd.h>

#include <fstream>
#include <regex>
#include <stdexcept>

namespace simplex::end_to_end {

namespace fs = std::filesystem;

Stage::Stage() {
  std::string name = (fs::temp_directory_path() / "simplex-end-to-end.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test: " + name);
  folder_ = name;
}

Stage::~Stage() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

std::string program(const std::string& name) { return std::string(SIMPLEX_BIN_DIR) + "/" + name; }

RelayProgram::RelayProgram(const std::filesystem::path& folder, std::uint16_t port, const std::string& password)
    : folder_(folder), port_(port) {
  Process init(program("smp-server"),
               {"init", "-n", "127.0.0.1", "--port", std::to_string(port_), "-y",
                password.empty() ? std::string("--no-password") : "--password=" + password},
               variables());
  EXPECT_EQ(init.wait(), 0) << init.transcript();
  std::getline(std::ifstream(folder_ / "etc" / "fingerprint"), fingerprint_);
}

std::map<std::string, std::string> RelayProgram::variables() const {
  return {{"SMP_SERVER_CFG_PATH", (folder_ / "etc").string()}, {"SMP_SERVER_LOG_PATH", (folder_ / "log").string()}};
}

void RelayProgram::start() {
  std::vector<std::string> arguments{"start"};
  for (const auto& each : settings_) {
    arguments.emplace_back("--set");
    arguments.push_back(each);
  }
  process_ = std::make_unique<Process>(program("smp-server"), std::move(arguments), variables());
  process_->await("[Ll]istening.*" + std::to_string(port_));
}

std::string RelayProgram::address() const { return "smp://" + fingerprint_ + "@127.0.0.1:" + std::to_string(port_); }

PersonProgram::PersonProgram(std::string name, const fs::path& folder, std::string relay_address)
    : name_(std::move(name)), prefix_(folder / name_), relay_address_(std::move(relay_address)) {}

std::vector<std::string> PersonProgram::arguments() const {
  return {"-d", prefix_.string(), "-k", passphrase_, "-s", relay_address_, "-l", "info", "--create-bot-display-name",
          name_};
}

void PersonProgram::start() {
  process_ = std::make_unique<Process>(program("simplex-chat"), arguments());
  process_->await("Type /help");
}

void PersonProgram::quit() {
  process_->type("/quit");
  EXPECT_EQ(process_->wait(), 0) << process_->transcript();
  process_.reset();
}

std::string PersonProgram::invite() {
  process_->type("/c");
  return process_->await("^(simplex:|https://)[^ ]+$");
}

std::vector<std::string> PersonProgram::history(const std::string& from) {
  auto all = arguments();
  all.insert(all.end(), {"-t", "0", "-e", "/tail @" + from + " 1000"});
  Process tail(program("simplex-chat"), std::move(all));
  EXPECT_EQ(tail.wait(), 0) << tail.transcript();
  const std::regex received("^[0-9:]+ " + from + "> (.*)$");
  std::vector<std::string> texts;
  std::smatch found;
  for (const auto& line : tail.lines()) {
    if (std::regex_match(line, found, received)) texts.push_back(found[1]);
  }
  return texts;
}

void befriend(PersonProgram& inviting, const std::string& inviting_name, PersonProgram& joining,
              const std::string& joining_name) {
  joining.join(inviting.invite());
  joining.await_connected(inviting_name);
  inviting.await_connected(joining_name);
}

}  // namespace simplex::end_to_end
