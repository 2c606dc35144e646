import CKernels

extension KernelFactory {
  /// `groups` groups of `rows` rows of `columns` numbers, densely.
  package struct Groups {
    package let groups: Int
    package let rows: Int
    package let columns: Int

    package init(groups: Int, rows: Int, columns: Int) {
      self.groups = groups
      self.rows = rows
      self.columns = columns
    }
  }

  /// dx = dy · activation'(y), and bias [groups, columns] its sums over the rows; dx may be dy.
  package func activationGradientBias(
    dy: UnsafePointer<Float>, y: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>,
    bias: UnsafeMutablePointer<Float>, _ groups: Groups, _ activation: KernelActivation
  ) -> KernelCall {
    let (code, slope) = activation.code
    return KernelCall(
      ck_activation_gradient_bias,
      keep(
        ck_activation_gradient_bias_arguments(
          dy: dy, y: y, dx: dx, bias: bias, groups: Int64(groups.groups), rows: Int64(groups.rows),
          columns: Int64(groups.columns), activation: Int32(code.rawValue), slope: slope)))
  }

  /// y = dropout(activation(gamma·(x − mean)/√(variance + epsilon) + beta)) with the statistics of
  /// each group; y may be x.
  ///
  /// - Parameter dropout: whose segments are the groups; the rows of a group are its examples'
  ///   positions.
  package func batchNorm(
    x: UnsafePointer<Float>, gamma: UnsafePointer<Float>, beta: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>, mean: UnsafeMutablePointer<Float>,
    variance: UnsafeMutablePointer<Float>, _ groups: Groups, epsilon: Double,
    _ activation: KernelActivation, dropout: DropoutKernel? = nil
  ) -> KernelCall {
    let (code, slope) = activation.code
    let (dropout, words) = arguments(dropout, groups)
    return KernelCall(
      ck_batch_norm,
      keep(
        ck_batch_norm_arguments(
          x: x, gamma: gamma, beta: beta, y: y, mean: mean, variance: variance,
          groups: Int64(groups.groups), rows: Int64(groups.rows), columns: Int64(groups.columns),
          epsilon: Float(epsilon), activation: Int32(code.rawValue), slope: slope,
          dropout: dropout, words: words)))
  }

  /// The gradients of `batchNorm`; dgamma and dbeta are of each group. dx may be dy or x.
  ///
  /// - Parameters:
  ///   - beta: needed where there is an activation.
  ///   - bias: [columns], the sums of dx over all groups and rows: the gradient of a bias before the
  ///     norm.
  ///   - dropout: as in `batchNorm`; it is drawn again.
  package func batchNormGradient(
    dy: UnsafePointer<Float>, x: UnsafePointer<Float>, gamma: UnsafePointer<Float>,
    beta: UnsafePointer<Float>?, mean: UnsafePointer<Float>, variance: UnsafePointer<Float>,
    dx: UnsafeMutablePointer<Float>, dgamma: UnsafeMutablePointer<Float>,
    dbeta: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>? = nil,
    _ groups: Groups, epsilon: Double, _ activation: KernelActivation,
    dropout: DropoutKernel? = nil
  ) -> KernelCall {
    precondition(activation == .identity || beta != nil, "an activation's argument includes beta")
    let (code, slope) = activation.code
    let (dropout, words) = arguments(dropout, groups)
    return KernelCall(
      ck_batch_norm_gradient,
      keep(
        ck_batch_norm_gradient_arguments(
          dy: dy, x: x, gamma: gamma, beta: beta, mean: mean, variance: variance, dx: dx,
          dgamma: dgamma, dbeta: dbeta, bias: bias, groups: Int64(groups.groups),
          rows: Int64(groups.rows), columns: Int64(groups.columns), epsilon: Float(epsilon),
          activation: Int32(code.rawValue), slope: slope, dropout: dropout, words: words)))
  }

  /// A batch norm's dropout and the memory for a group's words; no memory where nothing is dropped.
  private func arguments(
    _ dropout: DropoutKernel?, _ groups: Groups
  ) -> (ck_dropout, UnsafeMutablePointer<UInt32>?) {
    guard let dropout else { return (ck_dropout(), nil) }
    precondition(groups.rows % dropout.examples == 0, "every example has as many positions")
    let arguments = arguments(dropout, segments: groups.groups)
    let decided =
      dropout.perChannel ? groups.columns : groups.rows / dropout.examples * groups.columns
    let words =
      dropout.examples * ((decided * Int(arguments.bits) + 31) / 32) + Int(CK_DROPOUT_SLACK)
    let scratch = sharedScratch(bytes: words * MemoryLayout<UInt32>.stride)
    return (arguments, scratch.bindMemory(to: UInt32.self, capacity: words))
  }
}
