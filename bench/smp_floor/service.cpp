#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <unordered_map>

#include "floor.hpp"

namespace simplex::floor {

QueueTable::QueueTable() { queues_.reserve(capacity); }

Queue* QueueTable::add(std::unique_ptr<Queue> queue, Random& random) {
  const auto id = [&random](std::size_t number, std::uint8_t kind) {
    Writer writer(smp::queue_id_size);
    const auto rest = random.bytes(smp::queue_id_size - 9);
    writer.i64(static_cast<std::int64_t>(number)).u8(kind).raw(rest);
    return std::move(writer).take();
  };
  const std::lock_guard lock(mutex_);
  const auto number = queues_.size();
  if (number == capacity) return nullptr;
  queue->recipient_id = smp::RecipientId(id(number, 'r'));
  queue->sender_id = smp::SenderId(id(number, 's'));
  auto* const made = queues_.emplace_back(std::move(queue)).get();
  count_.store(number + 1, std::memory_order_release);
  return made;
}

Queue* QueueTable::find(BytesView id) const {
  if (id.size() != smp::queue_id_size) return nullptr;
  std::size_t number = 0;
  for (const auto octet : id.first(8)) number = number << 8 | octet;
  return number < count_.load(std::memory_order_acquire) ? queues_[number].get() : nullptr;
}

// An epoll instance and its connections.
class Service::Thread {
 public:
  Thread(Floor& floor, int listener, int stop_event) : floor_(floor), poller_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(stop_event, &stop_mark_, EPOLLIN);
    // Each new connection wakes one thread.
    watch(listener, &listener_mark_, EPOLLIN | EPOLLEXCLUSIVE);
    listener_ = listener;
  }
  ~Thread() { ::close(poller_); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void run() {
    std::array<epoll_event, 128> events{};
    while (true) {
      const int count = ::epoll_wait(poller_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto* const what = events[static_cast<std::size_t>(i)].data.ptr;
        if (what == &stop_mark_) return connections_.clear();
        if (what == &listener_mark_) {
          accept_one();
          continue;
        }
        const auto found = connections_.find(static_cast<Connection*>(what));
        if (found != connections_.end() && !found->second->on_ready()) connections_.erase(found);
      }
    }
  }

 private:
  void watch(int descriptor, void* mark, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.ptr = mark;
    ::epoll_ctl(poller_, EPOLL_CTL_ADD, descriptor, &event);
  }

  void accept_one() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto made = std::make_shared<Connection>(floor_, random_, socket, poller_);
    auto* const connection = made.get();
    connections_.emplace(connection, std::move(made));
    watch(socket, connection, EPOLLIN);
  }

  Floor& floor_;
  SystemRandom random_;
  int poller_;
  int listener_ = -1;
  char stop_mark_ = 0;
  char listener_mark_ = 0;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
};

Service::Service(Floor& floor, std::size_t threads)
    : floor_(floor), thread_count_(threads), stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Service::~Service() {
  if (listener_ >= 0) ::close(listener_);
  ::close(stop_event_);
}

Result<std::uint16_t> Service::listen(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) return fail(ErrorKind::limit, "there is no socket to listen on", Advice::ask_user);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, any, size) != 0 || ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, any, &size) != 0) {
    return fail(ErrorKind::conflict, "can't listen on port " + std::to_string(port) + " of 127.0.0.1: it is taken",
                Advice::ask_user);
  }
  threads_.reserve(thread_count_);
  for (std::size_t i = 0; i < thread_count_; ++i) {
    threads_.push_back(std::make_unique<Thread>(floor_, listener_, stop_event_));
  }
  return ntohs(address.sin_port);
}

void Service::run() {
  std::vector<std::jthread> running;
  running.reserve(threads_.size());
  for (const auto& thread : threads_) running.emplace_back([&thread] { thread->run(); });
}

void Service::stop() {
  const std::uint64_t one = 1;
  (void)::write(stop_event_, &one, sizeof one);
}

}  // namespace simplex::floor
