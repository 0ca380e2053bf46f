/** A .wasm import in workerd. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
