// The real programs on 127.0.0.1, in a folder of their own: a relay, and people who type.
#pragma once

#include <csignal>
#include <filesystem>
#include <memory>

#include <gtest/gtest.h>

#include "process.hpp"

namespace simplex::end_to_end {

class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// A port that nothing listens on, and that no other test gets before this process ends.
[[nodiscard]] std::uint16_t free_port();
[[nodiscard]] std::string program(const std::string& name);

class RelayProgram {
 public:
  // Makes the configuration. The password for new queues is not part of address().
  explicit RelayProgram(const std::filesystem::path& folder, std::uint16_t port = free_port(),
                        const std::string& password = {});

  // For every start: "SECTION.key=value".
  void set(std::vector<std::string> settings) { settings_ = std::move(settings); }
  void start();  // and waits until it listens
  void stop() {
    EXPECT_EQ(process_->stop(SIGTERM), 0) << process_->transcript();
    process_.reset();
  }
  void kill() {
    EXPECT_EQ(process_->stop(SIGKILL), 128 + SIGKILL);
    process_.reset();
  }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] bool running() const { return process_ && process_->running(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const;
  [[nodiscard]] std::map<std::string, std::string> variables() const;

 private:
  std::filesystem::path folder_;
  std::uint16_t port_;
  std::string fingerprint_;
  std::vector<std::string> settings_;
  std::unique_ptr<Process> process_;
};

class PersonProgram {
 public:
  PersonProgram(std::string name, const std::filesystem::path& folder, std::string relay_address);

  void start();
  void quit();
  void kill() {
    EXPECT_EQ(process_->stop(SIGKILL), 128 + SIGKILL);
    process_.reset();
  }
  [[nodiscard]] Process& process() { return *process_; }

  [[nodiscard]] std::string invite();  // the link
  void join(const std::string& link) { process_->type("/c " + link); }
  void say(const std::string& to, const std::string& text) { process_->type("@" + to + " " + text); }
  void hear(const std::string& from, const std::string& text) {
    process_->await("^[0-9:]+ " + from + "> " + text + "$");
  }
  void await_connected(const std::string& with) { process_->await("^" + with + ": contact is connected"); }
  // All texts from the other that are in the database, by a program of its own: this one must not be running.
  [[nodiscard]] std::vector<std::string> history(const std::string& from);
  [[nodiscard]] std::vector<std::string> arguments() const;
  void set_passphrase(std::string passphrase) { passphrase_ = std::move(passphrase); }

 private:
  std::string name_;
  std::filesystem::path prefix_;
  std::string relay_address_;
  std::string passphrase_ = "correct horse";
  std::unique_ptr<Process> process_;
};

void befriend(PersonProgram& inviting, const std::string& inviting_name, PersonProgram& joining,
              const std::string& joining_name);

}  // namespace simplex::end_to_end
