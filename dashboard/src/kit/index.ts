/** The parts that pages are made of. */
import "./kit.css";

export { Badge, type Tone } from "./Badge";
export { Button, LinkButton } from "./Button";
export { CheckListField } from "./CheckList";
export { Dialog, FormDialog } from "./Dialog";
export { Facts } from "./Facts";
export { CheckField, RadioField, SelectField, TextField } from "./Field";
export { Meter } from "./Meter";
export { Notice } from "./Notice";
export { Page } from "./Page";
export { Secret } from "./Secret";
export { Empty, Failed, Loading, Read } from "./State";
export { COMMAND_STATE, CommandStateBadge, DEVICE_STATUS, DeviceStatusBadge, ENDED_STATES, ROLLOUT_STATE, RolloutStateBadge, RUN_STATE, RunStateBadge, SourceBadge, UPDATE_STATE, UpdateStateBadge } from "./Status";
export { type Column, Table } from "./Table";
export { Tabs } from "./Tabs";
export { Tile } from "./Tile";
export { Ago, At } from "./Time";
export { toast } from "./Toasts";
