// A crash_relay in a process of its own, and the one client that it has.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "simplex/smp/transmission.hpp"

namespace simplex::smp {

class KilledRelay {
 public:
  KilledRelay(const std::filesystem::path& program, const std::filesystem::path& folder);
  ~KilledRelay() { kill(); }
  KilledRelay(const KilledRelay&) = delete;
  KilledRelay& operator=(const KilledRelay&) = delete;

  // Waits until the relay serves, at most so long; false: not yet.
  [[nodiscard]] bool wait_until_ready(std::chrono::milliseconds limit);

  // `answered` is called when the answer has come, perhaps after the relay was killed.
  using Answered = std::function<void(const BrokerMessage&)>;
  void send(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey& key, Answered answered);
  void send_unsigned(const ClientCommand& command, BytesView entity, Answered answered);
  std::function<void(BytesView recipient_id, const BrokerMessage&)> on_event;
  [[nodiscard]] std::size_t unanswered() const { return unanswered_.size(); }

  // Takes what has come, or waits for something to come; false when the relay is gone, or nothing came for a minute.
  bool receive();
  // Takes what the relay still said before it died, too.
  void kill();

 private:
  void send(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key, Answered answered);
  // One read of what is there; false at the end.
  bool read_some();
  bool wait_for_octets(std::chrono::milliseconds limit) const;
  void take_frames();
  void take(BytesView transmission);

  int socket_ = -1;
  pid_t process_ = -1;
  SystemRandom random_;
  Bytes octets_;
  std::optional<Bytes> session_id_;
  std::map<Bytes, Answered> unanswered_;
};

}  // namespace simplex::smp
