// What an operator does: runs smp-server with two folders of its own, and looks into its files.
#pragma once

#include <gmock/gmock.h>

#include <fstream>

#include "stage.hpp"

namespace simplex::end_to_end {

namespace fs = std::filesystem;

struct Ran {
  int code = 0;
  std::string text;
};

class OperatorTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::map<std::string, std::string> variables() const {
    return {{"SMP_SERVER_CFG_PATH", (stage_.folder() / "etc").string()},
            {"SMP_SERVER_LOG_PATH", (stage_.folder() / "log").string()}};
  }
  Ran run(std::vector<std::string> arguments, const std::vector<std::string>& typed = {}) {
    Process process(program("smp-server"), std::move(arguments), variables());
    for (const auto& line : typed) process.type(line);
    process.end_input();
    const int code = process.wait();
    return {code, process.transcript()};
  }
  [[nodiscard]] std::string ini() const {
    std::ifstream input(stage_.folder() / "etc/smp-server.ini");
    return {std::istreambuf_iterator<char>(input), {}};
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    std::ifstream input(stage_.folder() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(input), {}};
  }
  void init() {
    const auto made = run({"init", "-y", "--no-password", "-n", "127.0.0.1", "--port", std::to_string(free_port())});
    ASSERT_EQ(made.code, 0) << made.text;
  }
  void use_memory_sample() {
    const fs::path sample = SIMPLEX_SOURCE_DIR "/tests/samples/smp-memory/log";
    fs::create_directories(stage_.folder() / "log");
    for (const auto* name : {"smp-server-store.log", "smp-server-messages.log"}) {
      fs::copy_file(sample / name, stage_.folder() / "log" / name);
    }
  }

  Stage stage_;
};

}  // namespace simplex::end_to_end
