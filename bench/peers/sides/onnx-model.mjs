import protobuf from 'protobufjs';

// As much of the ONNX format (onnx.proto3) as a model of one node needs; the numbers are those of its fields.
const field = (type, id, rule) => ({ type, id, ...(rule ? { rule } : {}) });
const message = (fields) => ({ fields });
const { Model } = (() => {
  const root = protobuf.Root.fromJSON({
    nested: {
      Attribute: message({ name: field('string', 1), i: field('int64', 3), type: field('int32', 20) }),
      Dimension: message({ dim_value: field('int64', 1) }),
      Shape: message({ dim: field('Dimension', 1, 'repeated') }),
      TensorType: message({ elem_type: field('int32', 1), shape: field('Shape', 2) }),
      Type: message({ tensor_type: field('TensorType', 1) }),
      ValueInfo: message({ name: field('string', 1), type: field('Type', 2) }),
      Node: message({
        input: field('string', 1, 'repeated'),
        output: field('string', 2, 'repeated'),
        op_type: field('string', 4),
        attribute: field('Attribute', 5, 'repeated'),
        domain: field('string', 7),
      }),
      Graph: message({
        node: field('Node', 1, 'repeated'),
        name: field('string', 2),
        input: field('ValueInfo', 11, 'repeated'),
        output: field('ValueInfo', 12, 'repeated'),
      }),
      OperatorSet: message({ domain: field('string', 1), version: field('int64', 2) }),
      Model: message({
        ir_version: field('int64', 1),
        graph: field('Graph', 7),
        opset_import: field('OperatorSet', 8, 'repeated'),
      }),
    },
  });
  // protobufjs would turn names such as ir_version into camel case only when it parses text; these stay.
  return { Model: root.lookupType('Model') };
})();

const ELEMENTS = { float32: 1, int32: 6, float16: 10 };
const INT = 2;
const value = ([name, element, dims]) => ({
  name,
  type: { tensor_type: { elem_type: ELEMENTS[element], shape: { dim: dims.map((n) => ({ dim_value: n })) } } },
});

/**
 * A model of one node of the domain com.microsoft, which has the fused attentions.
 * @param inputs, outputs  lists of [name, element type, dimensions]
 * @param attributes  whole numbers by name
 */
export function modelOf(op, inputs, outputs, attributes) {
  const names = (values) => values.map(([name]) => name);
  const node = {
    input: names(inputs),
    output: names(outputs),
    op_type: op,
    domain: 'com.microsoft',
    attribute: Object.entries(attributes).map(([name, i]) => ({ name, i, type: INT })),
  };
  const model = {
    ir_version: 10,
    graph: { node: [node], name: op, input: inputs.map(value), output: outputs.map(value) },
    opset_import: [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
    ],
  };
  return Model.encode(Model.fromObject(model)).finish();
}
