// Generates one shower with a graph of `facsim export` and prints the energy of each layer.
//
//   shower MODEL.onnx CONDITION... [--seed N | --noise FILE]
//
// Conditions are in the units of the surrogate's variables, in their order; FILE holds the noise as float32.

#include <onnxruntime_c_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const OrtApi* ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);

void check(OrtStatus* status) {
  if (status == nullptr) return;
  const std::string message = ort->GetErrorMessage(status);
  ort->ReleaseStatus(status);
  throw std::runtime_error(message);
}

using Shape = std::vector<int64_t>;

Shape shape_of(const OrtTensorTypeAndShapeInfo* info) {
  size_t axes = 0;
  check(ort->GetDimensionsCount(info, &axes));
  Shape shape(axes);
  check(ort->GetDimensions(info, shape.data(), axes));
  return shape;
}

// The shape of an input of the graph for one event.
Shape input_shape(const OrtSession* session, size_t index) {
  OrtTypeInfo* type = nullptr;
  const OrtTensorTypeAndShapeInfo* info = nullptr;
  check(ort->SessionGetInputTypeInfo(session, index, &type));
  check(ort->CastTypeInfoToTensorInfo(type, &info));
  Shape shape = shape_of(info);
  ort->ReleaseTypeInfo(type);
  shape[0] = 1;
  return shape;
}

size_t count(const Shape& shape) {
  size_t product = 1;
  for (const int64_t n : shape) product *= static_cast<size_t>(n);
  return product;
}

OrtValue* tensor(std::vector<float>& numbers, const Shape& shape) {
  if (numbers.size() != count(shape))
    throw std::runtime_error("expected " + std::to_string(count(shape)) + " numbers, got " + std::to_string(numbers.size()));
  OrtMemoryInfo* memory = nullptr;
  OrtValue* value = nullptr;
  check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  check(ort->CreateTensorWithDataAsOrtValue(memory, numbers.data(), numbers.size() * sizeof(float), shape.data(), shape.size(),
                                            ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
  ort->ReleaseMemoryInfo(memory);
  return value;
}

std::vector<float> normal_numbers(size_t n, uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(n);
  for (float& x : numbers) x = normal(engine);
  return numbers;
}

std::vector<float> read_numbers(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<float> numbers(static_cast<size_t>(file.tellg()) / sizeof(float));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(numbers.size() * sizeof(float)));
  return numbers;
}

// Layers lie along the first axis after that of the events, where a response has three.
void print_layers(const OrtValue* response) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(ort->GetTensorTypeAndShape(response, &info));
  const Shape shape = shape_of(info);
  ort->ReleaseTensorTypeAndShapeInfo(info);
  void* data = nullptr;
  check(ort->GetTensorMutableData(const_cast<OrtValue*>(response), &data));
  const float* cells = static_cast<const float*>(data);
  const size_t layers = shape.size() == 4 ? static_cast<size_t>(shape[1]) : 1, size = count(shape) / layers;
  double total = 0;
  for (size_t layer = 0; layer < layers; ++layer) {
    double energy = 0;
    for (size_t i = 0; i < size; ++i) energy += cells[layer * size + i];
    std::printf("layer %zu %.9g MeV\n", layer, energy);
    total += energy;
  }
  std::printf("total %.9g MeV\n", total);
}

struct Request {
  std::string model, noise_file;
  std::vector<float> condition;
  uint64_t seed = 1;
};

Request parse(int argc, char** argv) {
  if (argc < 2) throw std::runtime_error("usage: shower MODEL.onnx CONDITION... [--seed N | --noise FILE]");
  Request request;
  request.model = argv[1];
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      request.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--noise") == 0 && i + 1 < argc) {
      request.noise_file = argv[++i];
    } else {
      request.condition.push_back(std::stof(argv[i]));
    }
  }
  return request;
}

void generate(Request request) {
  OrtEnv* env = nullptr;
  OrtSessionOptions* options = nullptr;
  OrtSession* session = nullptr;
  check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "facsim", &env));
  check(ort->CreateSessionOptions(&options));
  check(ort->SetIntraOpNumThreads(options, 1));
  check(ort->CreateSession(env, request.model.c_str(), options, &session));

  const Shape condition_shape = input_shape(session, 0), noise_shape = input_shape(session, 1);
  std::vector<float> noise = request.noise_file.empty() ? normal_numbers(count(noise_shape), request.seed) : read_numbers(request.noise_file);
  OrtValue* inputs[] = {tensor(request.condition, condition_shape), tensor(noise, noise_shape)};
  const char* names[] = {"condition", "noise"};
  const char* output = "response";
  OrtValue* response = nullptr;
  check(ort->Run(session, nullptr, names, inputs, 2, &output, 1, &response));
  print_layers(response);

  ort->ReleaseValue(response);
  for (OrtValue* value : inputs) ort->ReleaseValue(value);
  ort->ReleaseSession(session);
  ort->ReleaseSessionOptions(options);
  ort->ReleaseEnv(env);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    generate(parse(argc, argv));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shower: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
