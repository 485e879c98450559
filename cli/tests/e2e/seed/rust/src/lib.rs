wit_bindgen::generate!({
    path: "../../../../wit/v0.2",
    world: "tool-plugin",
});

use exports::distri::plugin::tool::{ExecutionContext, Guest, ToolCall, ToolResult};

struct MyWasmPlugin;

impl Guest for MyWasmPlugin {
    fn execute_tool(call: ToolCall, context: ExecutionContext) -> ToolResult {
        let input: serde_json::Value = serde_json::from_str(&call.input)
            .unwrap_or_default();
            
        let result = format!("WASM tool executed with: {}", call.input);
        
        ToolResult {
            result,
            error: None,
        }
    }
    
    fn get_tool_info() -> String {
        serde_json::json!({
            "name": "my_wasm_tool",
            "description": "Example WASM tool",
            "version": "1.0.0",
            "parameters": {
                "type": "object",
                "properties": {
                    "message": {
                        "type": "string",
                        "description": "Input message"
                    }
                }
            }
        }).to_string()
    }
}

export!(MyWasmPlugin);
