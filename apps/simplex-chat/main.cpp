// simplex-chat: wires the chat core to the real network, the real clock and a terminal, or runs one command.
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "simplex/async/loop.hpp"
#include "simplex/base/program.hpp"
#include "simplex/base/stderr_logger.hpp"
#include "simplex/chat/chat.hpp"
#include "simplex/transport/tls.hpp"
#include "simplex/ui/terminal.hpp"
#include "simplex/ui/view.hpp"
#include "options.hpp"

namespace simplex::app {
namespace {

void print(const ui::Lines& lines) {
  for (const auto& line : lines) std::puts(line.c_str());
  std::fflush(stdout);
}

// What cannot be done; scripts read the answers in stdout and this in stderr.
int fail_program(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "simplex-chat: %s\n", ui::without_control_characters(error.message).c_str());
  return 1;
}

Result<> create_profile(chat::Chat& chat, const Options& options) {
  if (!options.bot_name.empty()) return chat.create_user(options.bot_name, "");
  print({"No profile was found, it will be created now.",
         "Choose a display name. Your contacts get it when you connect, relays never do.",
         "It is stored on this device only."});
  for (;;) {
    const auto name = ui::ask("display name: ");
    if (!name)
      return fail(ErrorKind::not_found,
                  "A display name is needed for the first start: type it, or use --create-bot-display-name.");
    const auto created = chat.create_user(*name, "");
    if (created || created.error().kind == ErrorKind::storage) return created;
    print(ui::lines_of(created.error()));
  }
}

// One command; then what happens during the waiting time is shown as --execute-log says.
class Execution {
 public:
  Execution(async::ThreadLoop& loop, chat::Chat& chat, const Options& options)
      : loop_(loop), chat_(chat), options_(options) {}

  void start() {
    chat_.start([this](const chat::Happening& happening) { happened(happening); });
    auto command = chat::parse_command(options_.command);
    if (!command) return finish(std::unexpected(std::move(command).error()));
    chat_.execute(std::move(*command), [this](Result<chat::Answer> answer) { finish(std::move(answer)); });
  }
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  void finish(Result<chat::Answer> answer) {
    if (answer) print(ui::lines_of(*answer));
    if (!answer) {
      exit_code_ = fail_program(answer.error());
      return loop_.stop();
    }
    waiting_ = loop_.after(options_.wait, [this] { loop_.stop(); });
  }
  void happened(const chat::Happening& happening) {
    if (const auto* problem = std::get_if<chat::happening::Problem>(&happening))
      return (void)fail_program(Error{ErrorKind::network, problem->text, Advice::retry});
    const bool message = std::holds_alternative<chat::happening::MessageReceived>(happening);
    if (options_.execute_log == ExecuteLog::none || (options_.execute_log == ExecuteLog::messages && !message)) return;
    print(ui::lines_of(happening, options_.log_level <= LogLevel::info));
  }

  async::ThreadLoop& loop_;
  chat::Chat& chat_;
  const Options& options_;
  async::Timer waiting_;
  int exit_code_ = 0;
};

class Conversation {
 public:
  Conversation(async::ThreadLoop& loop, chat::Chat& chat, const Options& options)
      : loop_(loop), chat_(chat), verbose_(options.log_level <= LogLevel::info) {
    const auto history = options.database_prefix.string() + "_history";
    terminal_ = ui::Terminal::open(
        loop, {[this](std::string line) { typed(std::move(line)); }, [this] { input_ended(); }}, history);
  }

  void start() {
    chat_.start([this](const chat::Happening& happening) { terminal_->print(ui::lines_of(happening, verbose_)); });
  }

 private:
  void typed(std::string line) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) return;
    ++unanswered_;
    auto command = chat::parse_command(line);
    auto answer = [this, line = std::move(line)](const Result<chat::Answer>& result) { answered(line, result); };
    if (command) return chat_.execute(std::move(*command), std::move(answer));
    // After the answers of the lines before.
    loop_.post([answer = std::move(answer), error = std::move(command).error()] { answer(std::unexpected(error)); });
  }
  void answered(const std::string& line, const Result<chat::Answer>& answer) {
    --unanswered_;
    // The terminal takes a typed message away, because it is printed again with its time; this one is not.
    if (!answer && line.starts_with('@')) terminal_->print({ui::without_control_characters(line)});
    terminal_->print(answer ? ui::lines_of(*answer) : ui::lines_of(answer.error()));
    const bool quit = answer && std::holds_alternative<chat::answer::Quit>(*answer);
    if (quit || (ended_ && unanswered_ == 0)) loop_.stop();
  }
  // A script's last commands are answered before the program ends.
  void input_ended() {
    ended_ = true;
    if (unanswered_ == 0) loop_.stop();
  }

  async::ThreadLoop& loop_;
  chat::Chat& chat_;
  bool verbose_;
  int unanswered_ = 0;
  bool ended_ = false;
  std::unique_ptr<ui::Terminal> terminal_;
};

int run(Options& options) {
  const auto folder = options.database_prefix.parent_path();
  std::error_code no_folder;
  if (!folder.empty()) std::filesystem::create_directories(folder, no_folder);
  if (no_folder)
    return fail_program({ErrorKind::storage, "cannot create the folder " + folder.string() + ": " + no_folder.message(),
                         Advice::ask_user});

  const auto loop = async::make_thread_loop();
  SystemRandom random;
  StderrLogger log(options.log_level);
  const auto connector = transport::make_tls_connector();
  chat::ChatConfig config;
  config.prefix = options.database_prefix;
  config.passphrase = std::move(options.key);
  config.servers = options.servers;
  config.network.connect_timeout = options.tcp_timeout;
  async::Workers workers(async::Workers::beside_this_thread());
  auto opened = chat::Chat::open({*loop, random, log, *connector, &workers}, std::move(config));
  if (!opened) return fail_program(opened.error());
  chat::Chat& chat = **opened;
  if (!chat.has_user()) {
    if (auto created = create_profile(chat, options); !created) return fail_program(created.error());
  }

  loop->on_signal(SIGINT, [&loop] { loop->stop(); });
  loop->on_signal(SIGTERM, [&loop] { loop->stop(); });
  if (!options.command.empty()) {
    Execution execution(*loop, chat, options);
    loop->post([&] { execution.start(); });
    loop->run();
    chat.stop();
    return execution.exit_code();
  }
  chat.execute(chat::command::ShowUser{}, [](Result<chat::Answer> user) {
    if (user) print({"Current user: " + std::get<chat::answer::User>(*user).name, "Type /help for the commands."});
  });
  std::unique_ptr<Conversation> conversation;
  loop->post([&] {
    conversation = std::make_unique<Conversation>(*loop, chat, options);
    conversation->start();
  });
  loop->run();
  chat.stop();
  conversation.reset();
  return 0;
}

}  // namespace
}  // namespace simplex::app

int main(int argc, char** argv) {
  simplex::harden_process();
  int exit_code = 0;
  auto options = simplex::app::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  return simplex::app::run(*options);
}
