import Program
import RunConfiguration
import Training

/// What a configuration's model has to be given: its variables, and which rows of numbers are images.
struct ModelOutline {
  /// An image as a row of numbers: [height, width, channels], the channels fastest.
  typealias Image = [Int]

  /// Of the generator, then of the discriminator; each layer after layer.
  let variables: [Variable]
  /// Of the dense layers whose outputs become images, by the layer's path.
  private(set) var imagesMade: [String: Image] = [:]
  /// Of the dense layers whose inputs were images.
  private(set) var imagesTaken: [String: Image] = [:]

  /// - Throws: `InterchangeError.program`
  init(_ configuration: Configuration) throws(InterchangeError) {
    let networks = configuration.networks
    let builder = ProgramBuilder(name: "model")
    let noise = builder.input("noise", shape: [1, networks.latentSize])
    let images = networks.generator(noise, mode: .moving)
    let pass = images.reshaped(Shape([1] + images.shape.dimensions))
    builder.output("validity", networks.discriminator(pass, mode: .moving))
    let program: ReplicaProgram
    do throws(ProgramError) { program = try builder.finish() } catch { throw .program(error) }
    variables = program.variables
    findImages(in: program)
  }

  /// Follows reshapes of rows [.., height · width · channels] to images [.., height, width, channels], and back,
  /// to the products next to them.
  private mutating func findImages(in program: ReplicaProgram) {
    var definitions: [Value: Instruction] = [:]
    for instruction in program.instructions {
      for result in instruction.results { definitions[result] = instruction }
    }
    for instruction in program.instructions {
      guard case .reshape = instruction.operation else { continue }
      let (operand, result) = (instruction.operands[0], instruction.results[0])
      if let image = Self.image(
        program.shape(of: result).dimensions, ofRows: program.shape(of: operand).dimensions)
      {
        var maker = definitions[operand]
        while case .elementwise? = maker?.operation {
          maker = maker.flatMap { definitions[$0.operands[0]] }
        }
        if case .product? = maker?.operation, let maker { imagesMade[maker.layer] = image }
      } else if let image = Self.image(
        program.shape(of: operand).dimensions, ofRows: program.shape(of: result).dimensions)
      {
        for user in program.instructions where user.operands.first == result {
          if case .product = user.operation { imagesTaken[user.layer] = image }
        }
      }
    }
  }

  /// The image of which `images` has one for each row of `rows`.
  private static func image(_ images: [Int], ofRows rows: [Int]) -> Image? {
    guard images.count > 3, images.dropLast(3) == rows.dropLast() else { return nil }
    return Array(images.suffix(3))
  }
}
