#include "tcp/acceptors.hpp"

#include <boost/asio/ip/v6_only.hpp>

namespace simplex::transport::tcp_ports {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 1'024;

using PortReuse = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

std::string place_of(const Endpoint& address) {
  if (address.host.empty()) return "port " + std::to_string(address.port);
  return "port " + std::to_string(address.port) + " of " + address.host;
}

std::unexpected<Error> listen_error(const Endpoint& address, const error_code& error) {
  if (error == asio::error::address_in_use) {
    return fail(ErrorKind::conflict,
                place_of(address) + " is in use by another program: stop that program, or choose another port",
                Advice::ask_user);
  }
  if (error == asio::error::access_denied) {
    return fail(ErrorKind::conflict,
                place_of(address) +
                    " needs a permission: ports below 1024 are for programs with the capability "
                    "CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities). Give it, or choose a higher port",
                Advice::ask_user);
  }
  if (error == boost::system::errc::address_not_available) {
    return fail(ErrorKind::not_found, address.host + " is not an address of this machine", Advice::ask_user);
  }
  return fail(ErrorKind::network, "can't listen on " + place_of(address) + ": " + error.message(), Advice::ask_user);
}

Result<tcp::acceptor> open_acceptor(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address,
                                    bool both_families, PortSharing sharing) {
  tcp::acceptor acceptor(context);
  error_code error;
  (void)acceptor.open(at.protocol(), error);
  if (!error) (void)acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && at.address().is_v6()) (void)acceptor.set_option(asio::ip::v6_only(!both_families), error);
  if (!error && sharing != PortSharing::alone) (void)acceptor.set_option(PortReuse(true), error);
  if (!error) (void)acceptor.bind(at, error);
  if (!error) (void)acceptor.listen(backlog, error);
  if (error) return listen_error(address, error);
  return acceptor;
}

// With shared ports the kernel would let another program join: whether one has the port shows without sharing only.
Result<> check_free(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address, bool both_families) {
  if (address.port == 0) return {};
  SIMPLEX_TRY(open_acceptor(context, at, address, both_families, PortSharing::alone));
  return {};
}

Result<tcp::acceptor> listen_at(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address,
                                bool both_families, PortSharing sharing) {
  if (sharing == PortSharing::first) SIMPLEX_TRY(check_free(context, at, address, both_families));
  return open_acceptor(context, at, address, both_families, sharing);
}

}  // namespace

Result<std::vector<tcp::acceptor>> listen_on(asio::io_context& context, const Endpoint& address, PortSharing sharing) {
  std::vector<tcp::acceptor> made;
  if (address.host.empty()) {
    auto both = listen_at(context, {asio::ip::address_v6::any(), address.port}, address, true, sharing);
    if (!both && both.error().kind != ErrorKind::conflict) {  // a machine without IPv6
      both = listen_at(context, {asio::ip::address_v4::any(), address.port}, address, false, sharing);
    }
    if (!both) return std::unexpected(std::move(both).error());
    made.push_back(std::move(*both));
    return made;
  }
  error_code error;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return fail(ErrorKind::not_found, address.host + " is not an address of this machine: " + error.message(),
                Advice::ask_user);
  }
  for (const auto& one : found) {
    SIMPLEX_ASSIGN(auto acceptor, listen_at(context, one.endpoint(), address, false, sharing));
    made.push_back(std::move(acceptor));
  }
  return made;
}

}  // namespace simplex::transport::tcp_ports
