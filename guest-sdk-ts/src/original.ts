/**
 * What sources of the original project import besides: the same things by its names,
 * and its shapes for what tools give.
 */
import type { Auth, DistriPlugin, ExecutionContext, Integration, ToolSpec, Workflow } from "./plugin.ts";
import type { CallAgentOptions, CallToolOptions } from "./workflow.ts";

export type Context = ExecutionContext;
export type DapTool = ToolSpec;
export type DapWorkflow = Workflow;
export type DistriTool = ToolSpec;
export type DistriWorkflow = Workflow;
export type DistriIntegration = Integration;
export type AuthRequirement = Exclude<Auth, string>;
export type OAuth2Requirement = Extract<Auth, { type: "oauth2" }>;
export type SecretRequirement = Extract<Auth, { type: "secret" }>;
export type SecretFieldRequirement = NonNullable<SecretRequirement["fields"]>[number];
export type CallAgentParams = CallAgentOptions;
export type CallToolParams = CallToolOptions;
export interface GetSessionValueParams {
  key: string;
  session_id?: string;
}
export interface SetSessionValueParams extends GetSessionValueParams {
  value: any;
}

export interface TextPart {
  part_type: "text";
  data: string;
}
export interface DataPart {
  part_type: "data";
  data: any;
}
export interface ImagePart {
  part_type: "image";
  data: { type: "bytes" | "url"; bytes?: string; url?: string; mime_type: string; name?: string };
}
export interface ArtifactPart {
  part_type: "artifact";
  data: { file_id: string; size: number; preview?: string; mime_type?: string; path?: string; content_type?: string };
}
/** A part of what a tool gives: any JSON does as well. */
export type Part = TextPart | DataPart | ImagePart | ArtifactPart;

export const createTextPart = (data: string): TextPart => ({ part_type: "text", data });
export const createDataPart = (data: any): DataPart => ({ part_type: "data", data });
export const createImagePart = (data: ImagePart["data"]): ImagePart => ({ part_type: "image", data });
export const createArtifactPart = (data: ArtifactPart["data"]): ArtifactPart => ({ part_type: "artifact", data });

/** Registered is what a plugin's module has as its default export: this gives it back. */
export function registerPlugin<Plugin extends DistriPlugin>(plugin: Plugin): Plugin {
  return plugin;
}
