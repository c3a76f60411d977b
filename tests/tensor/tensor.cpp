// Tensor geometry, views, indexing, creation, conversion, in-place writes and exchange with other libraries.

#include <glia/glia.hpp>
#include <glia/ops/dlpack.hpp>
#include <glia/ops/print.hpp>
#include <glia/tensor/interop_eigen.hpp>

#include "../support/near.hpp"

using namespace glia;
using glia_test::error_of;

TEST_CASE("views share storage and read the right elements") {
  const auto x = arange(24).reshape({2, 3, 4});
  CHECK_EQ(x.transpose(0, 2).to_vector()[1], 12.0f);
  CHECK_EQ(x.permute({2, 0, 1}).shape(), Shape{4, 2, 3});
  CHECK_NEAR(x(1, Slice{0, 3, 2}, -1), (std::vector<float>{15, 23}));
  CHECK_NEAR(x.slice(2, {1, 4, 2}).select(0, 0).select(0, 1), (std::vector<float>{5, 7}));
  CHECK_EQ(x[1].shares_storage(x), true);
  CHECK_EQ(x(all_of_axis, 2).shape(), Shape{2, 4});
  CHECK_EQ(x.flatten(1).shape(), Shape{2, 12});
  CHECK_EQ(x.unsqueeze(-1).shape(), Shape{2, 3, 4, 1});
  CHECK_EQ(x.slice(0, {1, 1}).numel(), 0);
  CHECK_NEAR(x.slice(1, {-1, {}}).select(0, 0).flatten(), (std::vector<float>{8, 9, 10, 11}));
}

TEST_CASE("squeeze without an axis drops every extent of 1") {
  const auto x = arange(6).reshape({1, 2, 1, 3, 1});
  CHECK_EQ(x.squeeze().shape(), Shape{2, 3});
  CHECK(x.squeeze().shares_storage(x));
  CHECK_NEAR(x.squeeze(), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  CHECK_NEAR(x.transpose(1, 3).squeeze(), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  CHECK_NEAR(x.slice(3, {0, 3, 2}).squeeze(), (std::vector<float>{0, 2, 3, 5}));
  CHECK_EQ(arange(3).squeeze().shape(), Shape{3});
  CHECK_EQ(ones({1, 1}).expand({4, 1}).squeeze().shape(), Shape{4});
  CHECK_EQ(full({1, 1}, 7.0f).squeeze().shape(), Shape{});
  CHECK_EQ(full({1, 1}, 7.0f).squeeze().item(), 7.0f);
  CHECK_EQ(scalar(3.0f).squeeze().shape(), Shape{});
  CHECK_EQ(scalar(3.0f).squeeze().item(), 3.0f);
  CHECK_EQ(zeros({1, 0, 1, 3}).squeeze().shape(), Shape{0, 3});
  for (const Shape& shape : {Shape{1, 2, 1, 3}, Shape{1, 1}, Shape{}, Shape{0, 1}}) {
    CAPTURE(to_string(shape));
    auto y = arange<double>(1.0, 1.0 + static_cast<double>(shape.numel())).reshape(shape).clone().set_requires_grad();
    const auto z = y.squeeze();
    const auto weight = arange<double>(2.0, 2.0 + static_cast<double>(z.numel())).reshape(z.shape());
    sum(z * z * weight).backward();
    CHECK_EQ(y.grad().shape(), shape);
    CHECK_NEAR(y.grad(), (y * weight.reshape(shape) * 2.0).to_vector());
  }
}

TEST_CASE("reshape copies only when it has to") {
  auto x = arange(12).reshape({3, 4});
  CHECK(x.reshape({2, -1}).shares_storage(x));
  CHECK_FALSE(x.transpose().reshape({12}).shares_storage(x));
  CHECK_NEAR(x.transpose().reshape({2, 6}), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  CHECK(x.slice(0, {0, 3, 2}).view_as({2, 2, 2}).shares_storage(x));
  CHECK_NEAR(x.slice(0, {0, 3, 2}).view_as({2, 2, 2}), (std::vector<float>{0, 1, 2, 3, 8, 9, 10, 11}));
  CHECK_EQ(error_of<ShapeError>([&] { x.transpose().view_as({12}); }),
           "view_as: shape [12] is no view of shape [4, 3] with strides [1, 4]; write x.reshape(...)");
  CHECK_EQ(error_of<ShapeError>([&] {
             x.reshape({5, -1});
           }),
           "reshape: cannot infer the -1 in [5, -1] for 12 elements of shape [3, 4]");
  CHECK_EQ(error_of<ShapeError>([&] { x.reshape({5}); }),
           "reshape: shape [5] does not hold the 12 elements of shape [3, 4]");
}

TEST_CASE("errors name op, argument, expected and got") {
  const auto x = zeros({2, 3});
  CHECK_EQ(error_of<IndexError>([&] { x.select(1, 3); }), "select: position 3 is outside axis 1 of shape [2, 3]");
  CHECK_EQ(error_of<IndexError>([&] { x.size(2); }), "size: axis 2 is outside a tensor of rank 2");
  CHECK_EQ(error_of<ShapeError>([&] { x.expand({2, 4}); }), "expand: shape [2, 3] does not expand to [2, 4]");
  CHECK_EQ(error_of<ShapeError>([&] { Tensor<float>::empty({-1}); }),
           "empty: extents must not be negative, got [-1]");
  CHECK_EQ(error_of<ShapeError>([&] {
             Tensor<float>::empty({Index{1} << 40, Index{1} << 40});
           }),
           "empty: too many elements in [1099511627776, 1099511627776]");
  CHECK_EQ(error_of<Error>([&] { Tensor<float>().shape(); }),
           "tensor: this tensor is undefined (default-constructed or moved from)");
  CHECK_EQ(error_of<ShapeError>([&] { x.item(); }), "item: needs a tensor with one element, got shape [2, 3]");
  CHECK_EQ(error_of<Error>([&] { x + Tensor<float>(); }),
           "add: right operand is undefined (a default-constructed tensor)");
  CHECK_EQ(error_of<ShapeError>([&] {
             from_vector<float>({1, 2}, {3});
           }),
           "from_span: 2 values do not fill shape [3] (3 elements)");
  CHECK_EQ(error_of<IndexError>([&] { x.permute({0, 0}); }), "permute: axis 0 is named twice in [0, 0]");
}

TEST_CASE("creation") {
  CHECK_NEAR(arange(0, 1, 0.25f), (std::vector<float>{0, 0.25, 0.5, 0.75}));
  CHECK_NEAR(arange<std::int64_t>(5, 0, -2), (std::vector<std::int64_t>{5, 3, 1}));
  CHECK_EQ(arange(3, 3).numel(), 0);
  CHECK_NEAR(linspace<double>(-1, 1, 5), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
  CHECK_NEAR(eye(2, 3), (std::vector<float>{1, 0, 0, 0, 1, 0}));
  Generator a(7), b(7);
  const auto u = rand({1000}, a, -1.0f, 3.0f);
  CHECK_EQ(u.to_vector(), rand({1000}, b, -1.0f, 3.0f).to_vector());
  CHECK_NE(u.to_vector(), rand({1000}, a, -1.0f, 3.0f).to_vector());
  for (const float v : u.to_vector()) CHECK((v >= -1.0f && v < 3.0f));
  auto order = permutation(100, a).to_vector();
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK_EQ(order[i], static_cast<std::int64_t>(i));
  CHECK_EQ(error_of<ValueError>([&] { bernoulli({2}, a, 1.5); }),
           "bernoulli: the probability must be in [0, 1], got 1.5");
}

TEST_CASE("random numbers do not depend on the thread count") {
  const int threads = num_threads();
  std::vector<std::vector<float>> runs;
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    Generator g(3);
    runs.push_back(randn({70001}, g).to_vector());
  }
  set_num_threads(threads);
  CHECK_EQ(runs[0], runs[1]);
  CHECK_EQ(runs[0], runs[2]);
}

TEST_CASE("conversion between scalars") {
  const auto x = tensor<float>({-1.5f, 0.0f, 2.5f});
  CHECK_NEAR(x.cast<std::int32_t>(), (std::vector<std::int32_t>{-1, 0, 2}));
  CHECK_EQ(x.cast<bool>().to_vector(), std::vector<bool>{true, false, true});
  CHECK_NEAR(x.cast<bfloat16>().cast<float>(), (std::vector<float>{-1.5f, 0.0f, 2.5f}));
  auto y = tensor<double>({1, 2}).set_requires_grad();
  sum(y.cast<float>() * 3.0f).backward();
  CHECK_NEAR(y.grad(), (std::vector<double>{3, 3}));
}

TEST_CASE("in-place writes honour strides and aliasing") {
  auto x = zeros({3, 4});
  x.select(1, 1).fill_(2.0f);
  x.transpose().slice(0, {3, 4}).add_(ones({1, 3}), 5.0f);
  CHECK_NEAR(x, (std::vector<float>{0, 2, 0, 5, 0, 2, 0, 5, 0, 2, 0, 5}));
  auto square_matrix = arange(4).reshape({2, 2});
  square_matrix.copy_(square_matrix.transpose());
  CHECK_NEAR(square_matrix, (std::vector<float>{0, 2, 1, 3}));
  CHECK_EQ(error_of<ShapeError>([&] {
             x.add_(zeros({5, 3, 4}));
           }),
           "add_: an argument of shape [5, 3, 4] does not fit into the target's shape [3, 4]");
}

TEST_CASE_TEMPLATE("copies and elementwise ops across axes, whole tiles and edges", T, std::uint8_t, bfloat16, float, double) {
  const Index n = 3, h = 37, w = 53, c = 21;
  const auto x = (arange<std::int64_t>(n * h * w * c) / full<std::int64_t>({}, 3)).cast<T>().reshape({n, h, w, c});
  const auto values = x.to_vector();
  for (const Axes& order : {Axes{0, 3, 1, 2}, Axes{3, 0, 1, 2}, Axes{2, 1, 0, 3}, Axes{0, 2, 3, 1}, Axes{3, 2, 1, 0}}) {
    const auto view = x.permute(order);
    const Index extents[] = {n, h, w, c}, steps[] = {h * w * c, w * c, c, 1};
    std::vector<T> expected;
    for (Index i = 0; i < extents[order[0]]; ++i)
      for (Index j = 0; j < extents[order[1]]; ++j)
        for (Index k = 0; k < extents[order[2]]; ++k)
          for (Index l = 0; l < extents[order[3]]; ++l)
            expected.push_back(values[static_cast<std::size_t>(i * steps[order[0]] + j * steps[order[1]] + k * steps[order[2]] +
                                                               l * steps[order[3]])]);
    const auto same = [](const std::vector<T>& a, const std::vector<T>& b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T p, T q) { return static_cast<double>(p) == static_cast<double>(q); });
    };
    CHECK(same(view.contiguous().to_vector(), expected));
    const auto one = full<T>(view.shape(), T(1));
    const auto product = mul(view, one);
    CHECK(same(product.to_vector(), expected));
    auto target = one.clone();
    target.mul_(view);
    CHECK(same(target.to_vector(), expected));
    auto written = full<T>(x.shape(), T(0));  // into a view, across
    written.permute(order).copy_(product);
    CHECK(same(written.to_vector(), values));
  }
}

TEST_CASE("0-d and empty tensors are ordinary") {
  const auto s = scalar(3.0f);
  CHECK_EQ(s.rank(), 0);
  CHECK_EQ((s * s + 1.0f).item(), 10.0f);
  CHECK_EQ(to_string(s), "3");
  CHECK_EQ(to_string(zeros({0, 3})), "[]");
  CHECK_EQ(sum(zeros({0, 3})).item(), 0.0f);
  CHECK_EQ(sum(zeros({0, 3}), 0).shape(), Shape{3});
  CHECK_EQ(matmul(zeros({2, 0}), zeros({0, 3})).to_vector(), std::vector<float>(6, 0.0f));
  CHECK_EQ((zeros({0}) + scalar(1.0f)).numel(), 0);
}

TEST_CASE("printing") {
  CHECK_EQ(to_string(tensor<float>({1, 2.5f, -3, 4}, {2, 2})), "[[  1, 2.5],\n [ -3,   4]]");
  CHECK_EQ(to_string(arange<std::int64_t>(100), 2), "[ 0,  1, ..., 98, 99]");
}

TEST_CASE("DLPack and Eigen share memory") {
  bool released = false;
  {
    float data[6] = {0, 1, 2, 3, 4, 5};
    auto x = from_blob<float>(data, {2, 3}, [&] { released = true; });
    auto y = dlpack::from_dlpack<float>(dlpack::to_dlpack(x.transpose()));
    x = Tensor<float>();
    y.mutable_view().data[0] = 9.0f;
    CHECK_EQ(data[0], 9.0f);
    CHECK_NEAR(y, (std::vector<float>{9, 3, 1, 4, 2, 5}));
    CHECK_EQ(as_eigen(y)(2, 1), 5.0f);
    CHECK_NEAR(from_eigen(as_eigen(y) * 2.0f), (std::vector<float>{18, 6, 2, 8, 4, 10}));
    auto* managed = dlpack::to_dlpack(y);
    CHECK_EQ(error_of<FormatError>([&] { dlpack::from_dlpack<double>(managed); }),
             "from_dlpack: expected float64, got type code 2 with 32 bits and 1 lanes");
    managed->deleter(managed);
    CHECK_FALSE(released);
  }
  CHECK(released);
}

TEST_CASE("a writable Eigen map writes through to the tensor") {
  auto x = zeros<double>({2, 3});
  auto map = as_eigen_mutable(x);
  CHECK_EQ(map.rows(), 2);
  CHECK_EQ(map.cols(), 3);
  map(1, 2) = 5.0;
  map.row(0).setConstant(2.0);
  CHECK_EQ(x.to_vector(), std::vector<double>{2, 2, 2, 0, 0, 5});
  auto across = x.transpose().slice(0, {0, 3, 2});
  as_eigen_mutable(across) *= 10.0;
  as_eigen_mutable(across)(1, 0) = -1.0;
  CHECK_EQ(x.to_vector(), std::vector<double>{20, 2, -1, 0, 0, 50});
  auto row = x.select(0, 1);
  as_eigen_mutable(row)(0, 1) = 4.0;
  CHECK_EQ(as_eigen_mutable(row).rows(), 1);
  CHECK_EQ(x.to_vector(), std::vector<double>{20, 2, -1, 0, 4, 50});
  auto cube = zeros<double>({1, 2, 3});
  CHECK_EQ(error_of<ShapeError>([&] { as_eigen_mutable(cube); }),
           "as_eigen_mutable: needs one or two axes, got shape [1, 2, 3]");
  auto leaf = ones<double>({2, 2}).set_requires_grad();
  auto saved = leaf * 3.0;
  const auto product = saved * saved;
  as_eigen_mutable(saved)(0, 0) = 1.0;  // a write that the backward pass must notice
  CHECK_THROWS_AS(product.backward(ones<double>({2, 2})), AutogradError);
}

TEST_CASE("joining and rearranging") {
  const auto a = arange(4).reshape({2, 2}), b = ones({2, 1});
  CHECK_NEAR((concat<float, Cpu>({a, b}, 1)), (std::vector<float>{0, 1, 1, 2, 3, 1}));
  CHECK_EQ((stack<float, Cpu>({a, a}, -1)).shape(), Shape{2, 2, 2});
  CHECK_NEAR(pad(a, {1, 0}, {0, 1}, 7.0f), (std::vector<float>{7, 7, 7, 0, 1, 7, 2, 3, 7}));
  CHECK_NEAR(flip(a, {1}), (std::vector<float>{1, 0, 3, 2}));
  CHECK_NEAR(roll(arange(5), 2, 0), (std::vector<float>{3, 4, 0, 1, 2}));
  CHECK_NEAR(roll(arange(5), -7, 0), (std::vector<float>{2, 3, 4, 0, 1}));
  CHECK_EQ(split(arange(5), 2).back().shape(), Shape{1});
  CHECK_EQ(error_of<ShapeError>([&] {
             concat<float, Cpu>({a, zeros({3, 1})}, 1);
           }),
           "concat: part 1 has shape [3, 1], which does not join [2, 2] along axis 1");
}

TEST_CASE("outer products and inequality") {
  const auto table = outer(tensor<float>({1, 2, -3}), tensor<float>({4, 0.5f}));
  CHECK_EQ(table.shape(), Shape{3, 2});
  CHECK_NEAR(table, (std::vector<float>{4, 0.5f, 8, 1, -12, -1.5f}));
  CHECK_EQ(outer(arange<std::int64_t>(4).slice(0, {1, 4, 2}), arange<std::int64_t>(2)).to_vector(),
           std::vector<std::int64_t>{0, 1, 0, 3});
  CHECK_EQ(outer(zeros({0}), ones({2})).shape(), Shape{0, 2});
  CHECK_EQ(error_of<ShapeError>([] { outer(ones({2, 1}), ones({2})); }).substr(0, 6), "outer:");
  const float nan = std::nanf("");
  const auto a = tensor<float>({1, 2, nan, 0}), b = tensor<float>({1, 3, nan, -0.0f});
  CHECK_EQ(not_equal(a, b).to_vector(), std::vector<bool>{false, true, true, false});
  CHECK_EQ(not_equal(arange<std::int64_t>(3).unsqueeze(1), arange<std::int64_t>(2)).to_vector(),
           std::vector<bool>{false, true, true, false, true, true});
  CHECK_EQ(not_equal(scalar(2.0f), scalar(1.0f)).item(), true);
  CHECK_EQ(not_equal(zeros({0, 2}), ones({2})).shape(), Shape{0, 2});
}

TEST_CASE("allocator size classes hold what is asked for and reuse blocks") {
  for (std::size_t bytes = 1; bytes < (std::size_t{1} << 22); bytes = bytes * 5 / 4 + 1) {
    CHECK_GE(CachingAllocator::size_class(bytes), bytes);
    CHECK_LE(CachingAllocator::size_class(bytes), std::max<std::size_t>(64, bytes + bytes / 4 + 64));
    CHECK_EQ(CachingAllocator::size_class(CachingAllocator::size_class(bytes)), CachingAllocator::size_class(bytes));
  }
  if constexpr (!config::address_sanitizer) {
    { const auto warm = zeros({1000}); }
    const auto before = cpu_allocator().statistics().system_allocations;
    for (int i = 0; i < 10; ++i) const auto again = zeros({1000});
    CHECK_EQ(cpu_allocator().statistics().system_allocations, before);
  }
}

TEST_CASE("in-place updates from another view of the same memory read the old values") {
  const auto rows = [] { return arange<double>(8192).reshape({1024, 8}).clone(); };
  auto x = rows();
  x.add_(x.select(0, 1), -1);
  CHECK_EQ(x(1023, 0).item(), 8184.0 - 8.0);
  auto square = arange<double>(1600).reshape({40, 40}).clone();
  square.add_(square.transpose());
  CHECK_EQ(square.to_vector(), (square.transpose().contiguous().to_vector()));
  CHECK_EQ(square(39, 0).item(), 1560.0 + 39.0);
  auto twos = full<double>({2000, 1}, 2.0);
  twos.mul_(twos.select(0, 0));
  CHECK_EQ(twos(1999, 0).item(), 4.0);
  auto line = ones<double>({2000});
  auto tail = line.slice(0, {1, 2000});
  tail.add_(line.slice(0, {0, 1999}));
  CHECK_EQ(line(1999).item(), 2.0);
  line.add_(line);
  CHECK_EQ(line(1999).item(), 4.0);
  auto expanded = zeros<double>({1}).expand({3});
  CHECK_THROWS_AS(expanded.add_(ones<double>({3})), ShapeError);
  CHECK_EQ(
      error_of<ShapeError>([&] { expanded.fill_(1); }),
      "fill_: the target of shape [3] is expanded along axis 0, so that its elements share memory; write to a clone()");
}

TEST_CASE("shapes that no tensor can have are refused before memory is touched") {
  const auto one = ones<float>({1});
  CHECK_THROWS_AS(one.expand({-5}), ShapeError);
  CHECK_THROWS_AS(one.expand({-1, 3, -2}), ShapeError);
  CHECK_EQ(error_of<ShapeError>([&] {
             one.expand({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
           }),
           "expand: at most 8 axes are supported, got 12");
  CHECK_EQ(error_of<ShapeError>([&] {
             one.reshape({1, 1, 1, 1, 1, 1, 1, 1, 1});
           }),
           "reshape: at most 8 axes are supported, got 9");
  CHECK_EQ(to_string(Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), "[1, 2, 3, 4, 5, 6, 7, 8, ...]");
  CHECK_THROWS_AS(add(one, Tensor<float>::empty({1}).expand(Shape::filled(9, 1))), ShapeError);
  CHECK_THROWS_AS(one.reshape({7, 0x6DB6DB6DB6DB6DB7}), ShapeError);
  CHECK_THROWS_AS(zeros<float>({0}).reshape({Index{1} << 32, Index{1} << 32}), ShapeError);
  CHECK_THROWS_AS(one.expand({Index{1} << 40, Index{1} << 40}), ShapeError);
  float data[4] = {};
  CHECK_EQ(error_of<ShapeError>([&] { from_blob(data, {-2}); }), "from_blob: extents must not be negative, got [-2]");
  CHECK_EQ(arange<float>(5).slice(0, {0, 5, std::numeric_limits<Index>::max()}).to_vector(), std::vector<float>{0});
  CHECK(zeros<float>({0, 6}).slice(1, {0, 6, 2}).is_contiguous());
}

TEST_CASE("whole numbers beyond 2^53 count on") {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  CHECK_EQ(arange<std::int64_t>(big, big + 3).to_vector(), std::vector<std::int64_t>{big, big + 1, big + 2});
  CHECK_EQ(arange<std::int64_t>(3, -4, -3).to_vector(), std::vector<std::int64_t>{3, 0, -3});
  CHECK_EQ(arange<std::int32_t>(2, 2).numel(), 0);
  CHECK_EQ(arange<std::int64_t>(0, 7, 3).to_vector(), std::vector<std::int64_t>{0, 3, 6});
  CHECK_THROWS_AS(arange<std::int64_t>(0, 7, 0), ValueError);
}
