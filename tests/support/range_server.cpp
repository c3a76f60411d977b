// A one-file HTTP server for the download test: listens on 127.0.0.1, honours Range, and cuts its first answers short.
// Usage: range_server FILE CUT_AFTER_BYTES CUTS PORT_FILE LOG_FILE
// Writes its port to PORT_FILE and a line "METHOD FIRST_BYTE" per request to LOG_FILE; runs until it is killed.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace {
std::string read_request(int client) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = read(client, buffer, sizeof(buffer));
    if (count <= 0) break;
    request.append(buffer, static_cast<std::size_t>(count));
  }
  return request;
}

void send_all(int client, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t count = write(client, data, size);
    if (count <= 0) return;
    data += count;
    size -= static_cast<std::size_t>(count);
  }
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  std::ifstream file(argv[1], std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  const std::size_t cut_after = std::strtoull(argv[2], nullptr, 10);
  long cuts = std::strtol(argv[3], nullptr, 10);

  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 8) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("range_server");
    return 1;
  }
  // Written under another name and renamed: a reader never sees half a number.
  const std::string port_file = argv[4];
  std::ofstream(port_file + ".new") << ntohs(address.sin_port) << '\n';
  if (std::rename((port_file + ".new").c_str(), port_file.c_str()) != 0) return 1;

  while (true) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    const std::string request = read_request(client);
    std::size_t first = 0;
    const std::size_t range = request.find("bytes=");
    if (range != std::string::npos) first = std::strtoull(request.c_str() + range + 6, nullptr, 10);
    std::ofstream(argv[5], std::ios::app) << request.substr(0, request.find(' ')) << ' ' << first << '\n';

    std::string head;
    std::size_t body = 0;
    if (first > 0 && first >= content.size()) {
      head = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */" + std::to_string(content.size()) +
             "\r\nContent-Length: 0\r\n";
    } else {
      body = content.size() - first;
      head = range == std::string::npos ? "HTTP/1.1 200 OK\r\n"
                                        : "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(first) +
                                              "-" + std::to_string(content.size() - 1) + "/" +
                                              std::to_string(content.size()) + "\r\n";
      head += "Accept-Ranges: bytes\r\nContent-Length: " + std::to_string(body) + "\r\n";
    }
    head += "Connection: close\r\n\r\n";
    send_all(client, head.data(), head.size());
    if (cuts > 0 && body > cut_after) {
      body = cut_after;
      --cuts;
    }
    if (request.rfind("HEAD", 0) != 0) send_all(client, content.data() + first, std::min(body, content.size() - first));
    close(client);
  }
}
