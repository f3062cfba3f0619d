// agent-echo: an application of a page on the agent library. It answers every message with the same message.
//
// It keeps nothing of its own: what the agent's database says is enough, because every call that follows an event has an
// id or a key that makes it harmless to repeat when the program was killed in between.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <map>

#include "simplex/agent/agent.hpp"
#include "simplex/base/program.hpp"
#include "simplex/base/stderr_logger.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/transport/tls.hpp"
#include "options.hpp"

namespace simplex::echo {
namespace {

int fail_program(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "agent-echo: {}\n", error.message);
  return 1;
}

template <class... Parts>
void tell(fmt::format_string<Parts...> format, Parts&&... parts) {
  fmt::print(format, std::forward<Parts>(parts)...);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

// Text of a peer, on one line and without what a terminal would obey.
std::string shown(BytesView text) {
  std::string line(as_text(text));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

// The same for the same event: what follows from it is done once, however often it is repeated.
template <class Id>
Id derived(std::string_view purpose, const agent::ConnectionId& connection, std::int64_t number) {
  const auto text = fmt::format("{} {}", purpose, number);
  return *Id::from(crypto::sha256({connection.view(), as_bytes(text)}).view().first(Id::size_bytes));
}

class Echo {
 public:
  Echo(async::ThreadLoop& loop, agent::Agent& agent, const Options& options)
      : loop_(loop), agent_(agent), options_(options) {}

  Result<> start() {
    SIMPLEX_ASSIGN(const auto users, agent_.users());
    if (users.empty()) {
      SIMPLEX_ASSIGN(user_, agent_.create_user());
    } else {
      user_ = users.front();
    }
    agent_.start([this](const agent::Event& event) { happened(event); });
    SIMPLEX_ASSIGN(const auto before, agent_.connections(user_));
    for (const auto& connection : before) (void)number_of(connection);
    if (options_.invite) SIMPLEX_TRY(agent_.create_connection(user_, options_.pq, std::nullopt, link_data()));
    if (options_.address) SIMPLEX_TRY(agent_.create_address(user_, std::nullopt, link_data()));
    if (!options_.join.empty()) {
      SIMPLEX_TRY(agent_.join_connection(user_, options_.join, as_bytes(options_.name), options_.pq));
    }
    tell("ready");
    if (options_.timeout) {
      timer_ = loop_.after(*options_.timeout, [this] {
        exit_code_ = fail_program({ErrorKind::timeout, "the time is over", Advice::give_up});
        loop_.stop();
      });
    }
    return {};
  }
  [[nodiscard]] int exit_code() const { return exit_code_; }

 private:
  void happened(const agent::Event& event) {
    const auto done = std::visit([this](const auto& body) { return on(body); }, event.body);
    if (!done) (void)fail_program(done.error());
    if (event.id && !std::holds_alternative<agent::MessageReceived>(event.body)) agent_.handled(*event.id);
    if (options_.count && heard_ >= *options_.count && unsent_ == 0) loop_.stop();
  }

  Result<> on(const agent::InvitationReady& event) {
    (void)number_of(event.connection);
    tell("link {}", event.short_link.empty() ? event.link : event.short_link);
    return {};
  }
  Result<> on(const agent::ConfirmationReceived& event) {
    return agent_.allow_connection(event.connection, event.confirmation, as_bytes(options_.name));
  }
  Result<> on(const agent::RequestReceived& event) {
    const auto id = derived<agent::ConnectionId>("request", event.connection, event.request.value());
    SIMPLEX_TRY(agent_.accept_request(event.request, as_bytes(options_.name), options_.pq, id));
    return {};
  }
  Result<> on(const agent::Connected& event) {
    tell("connected {} {}", number_of(event.connection), event.pq_encryption ? "pq" : "no-pq");
    SIMPLEX_TRY(agent_.set_mixing(event.connection, options_.mixing));
    for (std::size_t i = 0; i < options_.say.size(); ++i) {
      SIMPLEX_TRY(send(event.connection, as_bytes(options_.say[i]), "say", static_cast<std::int64_t>(i)));
    }
    if (!options_.invite) return {};
    SIMPLEX_TRY(agent_.create_connection(user_, options_.pq,
                                         derived<agent::ConnectionId>("invitation", event.connection, 0), link_data()));
    return {};
  }
  Result<> on(const agent::MessageReceived& event) {
    tell("heard {} {}", number_of(event.connection), shown(event.body));
    if (!std::holds_alternative<agent::IntegrityOk>(event.integrity)) {
      tell("gap {}", number_of(event.connection));
    }
    ++heard_;
    Result<> sent;
    if (options_.echo) sent = send(event.connection, event.body, "echo", event.message.value());
    SIMPLEX_TRY(agent_.ack_message(event.connection, event.message,
                                   options_.receipts ? agent::Receipt::send : agent::Receipt::none));
    return sent;
  }
  Result<> on(const agent::MessageSent& event) {
    if (unsent_ > 0) --unsent_;
    tell("sent {}{}{}", number_of(event.connection), event.proxy.empty() ? "" : " through ", event.proxy);
    return {};
  }
  Result<> on(const agent::MessageDelivered& event) {
    tell("delivered {}{}", number_of(event.connection),
         event.status == agent::ReceiptStatus::ok ? "" : " but changed on the way");
    return {};
  }
  Result<> on(const agent::RatchetSyncChanged& event) {
    tell("ratchet {} {}", number_of(event.connection), static_cast<int>(event.state));
    if (event.state != agent::RatchetSyncState::required) return {};
    return agent_.synchronize_ratchet(event.connection, options_.pq, true);
  }
  Result<> on(const agent::QueueSwitched& event) {
    tell("switch {} {} {}", number_of(event.connection),
         event.direction == agent::QueueDirection::receiving ? "receiving" : "sending", static_cast<int>(event.phase));
    return {};
  }
  Result<> on(const agent::QueueLost& event) {
    tell("queue-lost {} {} {}", number_of(event.connection),
         event.direction == agent::QueueDirection::receiving ? "receiving" : "sending", event.relay);
    return {};
  }
  Result<> on(const agent::DatabaseRestored&) {
    tell("restored");
    return {};
  }
  Result<> on(const agent::MessageFailed& event) {
    if (unsent_ > 0) --unsent_;
    return failed(event.connection, event.error);
  }
  Result<> on(const agent::ConnectionFailed& event) { return failed(event.connection, event.error); }
  Result<> on(const agent::LinkFailed& event) { return failed(event.connection, event.error); }
  Result<> on(const agent::ReceptionFailed& event) { return failed(event.connection, event.error); }
  Result<> on(const agent::AgentProblem& event) { return std::unexpected(event.error); }
  template <class Other>
  Result<> on(const Other&) {
    return {};
  }

  Result<> failed(const agent::ConnectionId& connection, const Error& error) {
    tell("failed {} {}", number_of(connection), error.message);
    return {};
  }
  Result<> send(const agent::ConnectionId& connection, BytesView body, std::string_view purpose, std::int64_t number) {
    SIMPLEX_TRY(agent_.send_message(connection, body, derived<agent::SendKey>(purpose, connection, number)));
    ++unsent_;
    return {};
  }
  [[nodiscard]] std::optional<BytesView> link_data() const {
    if (!options_.short_link) return std::nullopt;
    return as_bytes(options_.name);
  }
  std::size_t number_of(const agent::ConnectionId& connection) {
    return numbers_.try_emplace(connection, numbers_.size() + 1).first->second;
  }

  async::ThreadLoop& loop_;
  agent::Agent& agent_;
  const Options& options_;
  agent::UserId user_;
  std::map<agent::ConnectionId, std::size_t> numbers_;
  std::uint64_t heard_ = 0;
  std::uint64_t unsent_ = 0;
  async::Timer timer_;
  int exit_code_ = 0;
};

int run(Options& options) {
  const auto loop = async::make_thread_loop();
  SystemRandom random;
  StderrLogger log(options.log_level);
  const auto connector = transport::make_tls_connector();
  async::Workers workers(async::Workers::beside_this_thread());
  auto agent = agent::Agent::open({*loop, random, log, *connector, &workers}, std::move(options.agent));
  if (!agent) return fail_program(agent.error());
  Echo echo(*loop, **agent, options);
  loop->on_signal(SIGINT, [&loop] { loop->stop(); });
  loop->on_signal(SIGTERM, [&loop] { loop->stop(); });
  Result<> started;
  loop->post([&] {
    started = echo.start();
    if (!started) loop->stop();
  });
  loop->run();
  (*agent)->stop();
  return started ? echo.exit_code() : fail_program(started.error());
}

}  // namespace
}  // namespace simplex::echo

int main(int argc, char** argv) {
  simplex::harden_process();
  int exit_code = 0;
  auto options = simplex::echo::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  return simplex::echo::run(*options);
}
