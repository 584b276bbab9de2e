// What a user of the JavaScript client does, from the upload to the prediction: node workflow.js ENDPOINT KEY FILE
const { default: Client } = require("nexosis-api-client");
const { readFileSync } = require("fs");

const [, , endpoint, key, file] = process.argv;
const client = new Client({ endpoint, key });
const name = "From JavaScript";
const told = {};

async function completed(id) {
  let status;
  while ((status = await client.Sessions.status(id)) !== "Completed") {
    if (status === "Failed") throw new Error(JSON.stringify(await client.Sessions.get(id)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return status;
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error; // the body of the answer
  }
  return "was not refused";
}

async function main() {
  const body = JSON.parse(readFileSync(file, "utf8"));
  const key141 = body.data.find((row) => row.key === 141);
  told.created = await client.DataSets.create(name, body);
  told.page = await client.DataSets.get(name, { include: ["key", "X.1"] }, 1, 10);
  told.listed = await client.DataSets.list({ partialName: "javascript" });
  told.session = await client.Sessions.trainModel({ dataSourceName: name, predictionDomain: "anomalies" });
  const id = told.session.sessionId;
  told.status = await completed(id);
  told.finished = await client.Sessions.get(id);
  told.results = await client.Sessions.results(id);
  told.scores = await client.Sessions.anomalyScoreResults(id, 1, 100);
  told.distances = await client.Sessions.anomalyDistanceMetrics(id, 0, 100);
  told.sessions = await client.Sessions.list({ dataSourceName: name });
  const model = told.finished.modelId;
  told.model = await client.Models.get(model);
  told.models = await client.Models.list({ dataSourceName: name });
  told.prediction = await client.Models.predict(model, [key141, { ...key141, unheard: 1 }]);
  told.confusion = await refusal(() => client.Sessions.confusionMatrixResults(id));
  told.unknown = await refusal(() => client.DataSets.get("nothing of this name"));
  told.forecast = await refusal(() => client.Sessions.createForecast(name, "2017-01-01", "2017-02-01", "X.1"));
  told.balance = await client.getAccountBalance();
  await client.Models.remove(model);
  await client.Sessions.remove(id);
  await client.DataSets.remove(name, { cascade: ["session", "model"] });
  told.gone = await refusal(() => client.DataSets.get(name));
  console.log(JSON.stringify(told));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
