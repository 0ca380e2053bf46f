// Stylesheets are imported for esbuild alone, which gathers them into one file.
declare module "*.css";
