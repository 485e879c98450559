import { Tool, Workflow, DistriPlugin } from 'distri/base';

class MyTool implements Tool {
    name = 'my_tool';
    description = 'Example tool implementation';
    version = '1.0.0';
    
    async execute(toolCall: any, context: any) {
        const params = JSON.parse(toolCall.input);
        return {
            result: `Tool executed with: ${JSON.stringify(params)}`,
            timestamp: new Date().toISOString()
        };
    }
    
    getParameters() {
        return {
            type: 'object',
            properties: {
                message: { type: 'string', description: 'Input message' }
            }
        };
    }
}

const dapExports: DistriPlugin = {
    tools: [new MyTool()],
    workflows: []
};

export default dapExports;
